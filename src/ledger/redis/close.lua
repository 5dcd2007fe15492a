-- Ends a pool: its free units are the general pool's from now on, and those that are leased once they come back.
-- KEYS[1] meta · ARGV incarnation, version, template, activity → done, version
local no = refusal()
if no then return no end
local pool = loadPool(ARGV[3], ARGV[4])
if not pool or pool.closed then return {'done', version} end
pool.closed = true
-- The general pool itself keeps its units: there is nowhere else for them.
if pool.activityId ~= '0' then putBack(pool, takeFree(pool, pool.free, math.huge)) end
if pool.leased > 0 then askBack(pool, true) end
tellThirsty(pool)
savePool(pool)
return {'done', changed()}
