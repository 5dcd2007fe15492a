-- Prelude of lease and return: what a node tells of a pool, and what it was answered last.
-- ARGV[3] node id, [4] epoch, [5] template, [6] activity, [7] sequence, [8] ranges sold, [9] ranges given back (sorted)
local nodeId, epoch, sequence = ARGV[3], ARGV[4], tonumber(ARGV[7])

-- The remembered answer: kind (G granted, R recalling, E exhausted, C closed, D done), head, ranges.
local function remember(pool, kind, ranges)
  redis.call('HSET', pool.key .. ':answers', nodeId,
    pack('<ddd', tonumber(epoch), sequence, head) .. kind .. ranges)
end

-- → an answer that is due without doing anything, or nil
local function answered(pool, expected)
  local last = redis.call('HGET', pool.key .. ':answers', nodeId)
  if not last then return nil end
  local lastEpoch, lastSequence, lastHead = unpackBytes('<ddd', last)
  if lastEpoch ~= tonumber(epoch) or sequence > lastSequence then return nil end
  local kind = sub(last, 25, 25)
  if sequence < lastSequence or (kind == 'D') ~= (expected == 'D') then return {'late'} end
  if kind == 'G' then return {'granted', version, sub(last, 26)} end
  if kind == 'R' then return {'recalling', version} end
  if kind == 'E' then return {'exhausted', version, lastHead} end
  if kind == 'C' then return {'closed', version} end
  return {'done', version}
end

-- Takes sold and unsold units out of the lease. → lease before it is saved, units that left it; or nil: not all were
-- in it, nothing was changed.
local function report(pool)
  local lease = redis.call('HGET', pool.key .. ':leases', nodeId) or ''
  for part = 8, 9 do
    lease = without(lease, unpackRanges(ARGV[part]))
    if not lease then return nil end
  end
  local moved = unitsOf(ARGV[8]) + unitsOf(ARGV[9])
  pool.leased = pool.leased - moved
  putBack(pool, ARGV[9])
  return lease, moved
end

local function saveLease(pool, lease)
  if lease == '' then redis.call('HDEL', pool.key .. ':leases', nodeId)
  else redis.call('HSET', pool.key .. ':leases', nodeId, lease) end
  redis.call('SADD', base .. 'holds:' .. nodeId, pool.name)
end

-- Whoever waits is told of units that came back, or that waiting has become vain.
local function settle(pool, moved)
  if moved > 0 and (pool.free > 0 or pool.leased == 0) then tellThirsty(pool) end
end
