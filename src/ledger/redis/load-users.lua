-- Adds coupons to those that users hold, while an incarnation is loaded.
-- KEYS[1] users hash · ARGV user, coupons, user, coupons … (each user once)
local users = {}
for i = 1, #ARGV, 2 do users[#users + 1] = ARGV[i] end
local held = redis.call('HMGET', KEYS[1], unpack(users))
local fields = {}
for i = 1, #users do
  fields[2 * i - 1] = users[i]
  fields[2 * i] = (held[i] or '') .. ARGV[2 * i]
end
redis.call('HSET', KEYS[1], unpack(fields))
return #users
