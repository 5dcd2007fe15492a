-- Keeps one value of a wallet, if it was read under the present generation.
--
--   KEYS[1]  as in wallet-get.lua
--   ARGV     field, generation, value, most fields of a wallet
--
-- -> 1 when it was kept.
if redis.call('HGET', KEYS[1], 'generation') ~= ARGV[2] then return 0 end
if redis.call('HLEN', KEYS[1]) > tonumber(ARGV[4]) then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
return 1
