-- Takes a seat. KEYS[1] meta · ARGV incarnation, version, node id, join id, ttl in ms
-- → joined, version, epoch, head
-- The same join id again gives the same seat: a join whose answer got lost is simply repeated. Another one means that
-- the node was started anew, and whatever its former self held is taken back.
local no = refusal()
if no then return no end
local nodeId, joinId = ARGV[3], ARGV[4]
local expiresAt = string.format('%.0f', nowMs() + tonumber(ARGV[5]))
local epoch
local seat = redis.call('HGET', base .. 'nodes', nodeId)
if seat then
  local last, lastJoin = string.match(seat, '^(%d+) %d+ (.*)$')
  if lastJoin == joinId then epoch = last else endSeat(nodeId, last) end
end
-- A node without a seat may still have units: those the incarnation was opened with. It keeps them.
if not epoch then epoch = redis.call('HINCRBY', KEYS[1], 'epochs', 1) end
redis.call('HSET', base .. 'nodes', nodeId, epoch .. ' ' .. expiresAt .. ' ' .. joinId)
return {'joined', changed(), tonumber(epoch), head}
