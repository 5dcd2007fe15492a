-- Reports and gives back. KEYS[1] meta · ARGV as report.lua → done, version · late
local no = refusal()
if no then return no end
if not seated(nodeId, epoch) then return {'fenced'} end
local pool = loadPool(ARGV[5], ARGV[6])
-- A pool that is not there cannot have leased anything.
if not pool then
  if ARGV[8] .. ARGV[9] ~= '' then return {'fenced'} end
  return {'done', version}
end
local before = answered(pool, 'D')
if before then return before end
local lease, moved = report(pool)
if not lease then return {'fenced'} end
settle(pool, moved)
saveLease(pool, lease)
savePool(pool)
remember(pool, 'D', '')
return {'done', changed()}
