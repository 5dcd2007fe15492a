-- All units of one template, at one moment. KEYS[1] meta · ARGV incarnation, version (not looked at), pools' names …
-- → per pool: units, free ranges, leases as node id, ranges, node id, ranges …
local states = {}
for i = 3, #ARGV do
  local key = base .. 'p' .. ARGV[i]
  states[#states + 1] = {
    tonumber(redis.call('HGET', key .. ':pool', 'units') or 0),
    table.concat(redis.call('LRANGE', key .. ':free', 0, -1)),
    redis.call('HGETALL', key .. ':leases'),
  }
end
return states
