-- Begins the loading of an incarnation: leaves a token beside the data to come, which must still be there when it is
-- opened. KEYS[1] meta · ARGV incarnation, version (not looked at), token → the server's id
local stale = staleness()
if stale then return stale end
redis.call('SET', base .. 'loading', ARGV[3])
return serverId()
