-- Begins the loading of an incarnation: leaves a token beside the data to come, which must still be there when it is
-- opened. KEYS[1] meta · ARGV incarnation, version (not looked at), token → the server's id
local meta = redis.call('HMGET', KEYS[1], 'incarnation', 'sealed')
local highest = math.max(tonumber(meta[1] or 0), tonumber(meta[2] or 0))
if highest >= tonumber(ARGV[1]) then
  return redis.error_reply('STALE incarnation ' .. ARGV[1] .. ' comes after ' .. highest)
end
redis.call('SET', base .. 'loading', ARGV[3])
return serverId()
