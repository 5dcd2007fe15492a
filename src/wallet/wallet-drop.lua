-- Ends a wallet's generation, and an announced change.
--
--   KEYS[1]  as in wallet-get.lua
--   ARGV     the name under which the change was announced, or ''
if redis.call('HEXISTS', KEYS[1], 'generation') == 1 then redis.call('UNLINK', KEYS[1]) end
if ARGV[1] ~= '' then redis.call('HDEL', KEYS[1], 'change ' .. ARGV[1]) end
return 1
