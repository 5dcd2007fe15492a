-- Prelude: the end of a seat. What the node had leased and not sold is free again, and nothing it still sends is heard.
local function endSeat(nodeId, epoch)
  local holds = base .. 'holds:' .. nodeId
  local names = redis.call('SMEMBERS', holds)
  table.sort(names)
  for i = 1, #names do
    local templateId, activityId = string.match(names[i], '^(%d+)%.(%d+)$')
    local pool = loadPool(templateId, activityId)
    local lease = redis.call('HGET', pool.key .. ':leases', nodeId)
    if lease then
      redis.call('HDEL', pool.key .. ':leases', nodeId)
      pool.leased = pool.leased - unitsOf(lease)
      putBack(pool, lease)
      tellThirsty(pool)
      savePool(pool)
    end
    redis.call('HDEL', pool.key .. ':answers', nodeId)
  end
  redis.call('DEL', holds, base .. 'owners:' .. epoch)
  redis.call('HDEL', base .. 'nodes', nodeId)
end
