-- Reports, gives back and asks for units. KEYS[1] meta · ARGV as report.lua, then
-- ARGV[10] units wanted, [11] and [12] the bounds of a slice
-- → granted, version, ranges · recalling, version · exhausted, version, head · closed, version · late
local no = refusal()
if no then return no end
if not seated(nodeId, epoch) then return {'fenced'} end
local pool = loadPool(ARGV[5], ARGV[6])
if not pool then return {'closed', version} end
local before = answered(pool, 'G')
if before then return before end
local lease, moved = report(pool)
if not lease then return {'fenced'} end

local kind, granted = 'C', ''
if not pool.closed then
  -- Guided self-scheduling: half of what is free, shared by the nodes; slices shrink as the pool drains.
  local guided = math.ceil(pool.free / (2 * redis.call('HLEN', base .. 'nodes')))
  local slice = math.max(tonumber(ARGV[11]), math.min(tonumber(ARGV[12]), guided))
  local units = math.min(pool.free, slice, tonumber(ARGV[10]))
  if units > 0 then
    kind, granted = 'G', takeFree(pool, units, RANGES_MAX)
    for at = 1, #granted, 8 do
      local from, to = unpackBytes('<I4I4', granted, at)
      lease = with(lease, from, to)
    end
    pool.leased = pool.leased + unitsOf(granted)
  else
    kind = pool.leased > 0 and 'R' or 'E'
  end
end
settle(pool, moved)
if kind == 'R' or kind == 'E' then pool.thirsty = true end
if kind == 'R' and pool.leased > unitsOf(lease) then askBack(pool, false) end
saveLease(pool, lease)
savePool(pool)
remember(pool, kind, granted)
changed()
if kind == 'G' then return {'granted', version, granted} end
if kind == 'R' then return {'recalling', version} end
if kind == 'E' then return {'exhausted', version, head} end
return {'closed', version}
