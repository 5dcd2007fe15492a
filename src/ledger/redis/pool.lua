-- Prelude: pools and their free units. A pool is loaded, changed and saved; at most one copy of it may be in hand.

-- Ranges one answer may hold at most: units that came back one by one are handed out in bites.
local RANGES_MAX = 512

local function loadPool(templateId, activityId)
  local name = templateId .. '.' .. activityId
  local key = base .. 'p' .. name
  local fields = redis.call('HMGET', key .. ':pool', 'units', 'free', 'leased', 'closed', 'thirsty')
  if not fields[1] then return nil end
  return {
    name = name, key = key, templateId = templateId, activityId = activityId,
    units = tonumber(fields[1]), free = tonumber(fields[2]), leased = tonumber(fields[3]),
    closed = fields[4] == '1', thirsty = fields[5] == '1',
  }
end

local function newPool(templateId, activityId)
  local name = templateId .. '.' .. activityId
  return {
    name = name, key = base .. 'p' .. name, templateId = templateId, activityId = activityId,
    units = 0, free = 0, leased = 0, closed = false, thirsty = false,
  }
end

local function savePool(pool)
  redis.call('HSET', pool.key .. ':pool', 'units', pool.units, 'free', pool.free, 'leased', pool.leased,
    'closed', pool.closed and 1 or 0, 'thirsty', pool.thirsty and 1 or 0)
end

-- Tells those who were refused units that it is worth asking again.
local function tellThirsty(pool)
  if not pool.thirsty then return end
  pool.thirsty = false
  notify('stock|' .. pool.templateId .. '|' .. pool.activityId)
end

local function askBack(pool, all)
  notify('recall|' .. pool.templateId .. '|' .. pool.activityId .. '|' .. (all and 1 or 0))
end

-- Whoever gave units back for a move may ask for more from now on.
local function tellMoved(pool)
  notify('moved|' .. pool.templateId .. '|' .. pool.activityId)
end

local function push(command, key, list)
  for at = 1, #list, 1000 do
    redis.call(command, key, unpack(list, at, math.min(at + 999, #list)))
  end
end

-- Puts ranges before the first of the free list, which stays without ranges that continue their neighbour.
local function putFirst(pool, ranges)
  if ranges == '' then return end
  local key = pool.key .. ':free'
  local list = {}
  for at = #ranges - 7, 1, -8 do list[#list + 1] = sub(ranges, at, at + 7) end
  local first = redis.call('LINDEX', key, 0)
  if first and sub(first, 1, 4) == sub(list[1], 5, 8) then
    redis.call('LSET', key, 0, sub(list[1], 1, 4) .. sub(first, 5, 8))
    table.remove(list, 1)
  end
  push('LPUSH', key, list)
  pool.free = pool.free + unitsOf(ranges)
end

-- The same behind the last.
local function putLast(pool, ranges)
  if ranges == '' then return end
  local key = pool.key .. ':free'
  local list = {}
  for at = 1, #ranges, 8 do list[#list + 1] = sub(ranges, at, at + 7) end
  local last = redis.call('LINDEX', key, -1)
  if last and sub(last, 5, 8) == sub(list[1], 1, 4) then
    redis.call('LSET', key, -1, sub(last, 1, 4) .. sub(list[1], 5, 8))
    table.remove(list, 1)
  end
  push('RPUSH', key, list)
  pool.free = pool.free + unitsOf(ranges)
end

-- Takes up to `units` off the front of the free list, in at most `most` ranges; returns them in that order.
local function takeFree(pool, units, most)
  local key = pool.key .. ':free'
  local taken, left = {}, units
  while left > 0 and #taken < most do
    local list = redis.call('LRANGE', key, 0, 63)
    local whole = 0
    for i = 1, #list do
      if left == 0 or #taken == most then break end
      local from, to = unpackBytes('<I4I4', list[i])
      local n = math.min(left, to - from)
      taken[#taken + 1] = pack('<I4I4', from, from + n)
      left = left - n
      if n == to - from then whole = whole + 1
      else redis.call('LSET', key, i - 1, pack('<I4I4', from + n, to)) end
    end
    if whole > 0 then redis.call('LTRIM', key, whole, -1) end
    if whole < #list or #list == 0 then break end
  end
  pool.free = pool.free - (units - left)
  return table.concat(taken)
end

-- Units of a pool that nobody holds any more: free again, or, when the pool is closed, the general pool's.
local function putBack(pool, ranges)
  if ranges == '' then return end
  if not pool.closed or pool.activityId == '0' then
    putFirst(pool, ranges)
    return
  end
  pool.units = pool.units - unitsOf(ranges)
  local general = loadPool(pool.templateId, '0')
  if not general then
    general = newPool(pool.templateId, '0')
    redis.call('SADD', base .. 'pools', general.name)
  end
  putFirst(general, ranges)
  tellThirsty(general)
  savePool(general)
end
