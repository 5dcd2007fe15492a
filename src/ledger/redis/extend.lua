-- Keeps a seat. KEYS[1] meta · ARGV incarnation, version, node id, epoch, ttl in ms → done, version
local no = refusal()
if no then return no end
local nodeId, epoch = ARGV[3], ARGV[4]
local seat = redis.call('HGET', base .. 'nodes', nodeId)
if not seat or string.match(seat, '^%d+') ~= epoch then return {'fenced'} end
local joinId = string.match(seat, '^%d+ %d+ (.*)$')
local expiresAt = string.format('%.0f', nowMs() + tonumber(ARGV[5]))
redis.call('HSET', base .. 'nodes', nodeId, epoch .. ' ' .. expiresAt .. ' ' .. joinId)
return {'done', changed()}
