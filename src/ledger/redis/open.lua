-- Opens what was loaded. KEYS[1] meta · ARGV incarnation, version (not looked at), token, server id → OK
-- Only when no other opener has come between, the server is the one that took the data, and the data was not flushed.
local stale = staleness()
if stale then return stale end
if redis.call('GET', base .. 'loading') ~= ARGV[3] then return redis.error_reply('STALE the loaded data is gone') end
if serverId() ~= ARGV[4] then return redis.error_reply('STALE the server was restarted or replaced') end
redis.call('DEL', base .. 'loading')
redis.call('HSET', KEYS[1], 'incarnation', ARGV[1], 'version', 1, 'server', ARGV[4], 'head', 0, 'epochs', 0)
return 'OK'
