-- Announces a change of what an owner has: nothing is kept of it from now on, until the change is told
-- (wallet-drop.lua), or until it cannot come any more.
--
--   KEYS[1]  as in wallet-get.lua
--   ARGV     a name for the change, ms after which it cannot come any more
--
-- A hash holds either a generation and its values, or changes that are announced.
if redis.call('HEXISTS', KEYS[1], 'generation') == 1 then redis.call('DEL', KEYS[1]) end
local time = redis.call('TIME')
local untilMs = time[1] * 1000 + math.floor(time[2] / 1000) + ARGV[2]
redis.call('HSET', KEYS[1], 'change ' .. ARGV[1], string.format('%.0f', untilMs))
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return 1
