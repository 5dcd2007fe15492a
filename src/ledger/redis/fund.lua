-- Makes an activity's pool one of so many units, and opens it. The difference moves from the general pool's free units
-- or back to them: all of it or nothing. KEYS[1] meta · ARGV incarnation, version, template, activity, units
-- → done, version · short, version, units of the pool asked that are not claimed, units it is asked for
local no = refusal()
if no then return no end
local pool = loadPool(ARGV[3], ARGV[4])
local isNew = not pool
if isNew then pool = newPool(ARGV[3], ARGV[4]) end
local units = tonumber(ARGV[5])
local missing = units - pool.units
if not isNew and missing == 0 and not pool.closed then return {'done', version} end

local general = loadPool(ARGV[3], '0')
if not general then return {'short', version, 0, math.abs(missing)} end
local from = missing > 0 and general or pool
if from.free < math.abs(missing) then
  -- For a move that cannot be made nothing is asked back, and what has been may be leased again.
  if from.free + from.leased >= math.abs(missing) then askBack(from, true) else tellMoved(from) end
  return {'short', version, from.free + from.leased, math.abs(missing)}
end
if missing > 0 then
  putLast(pool, takeFree(general, missing, math.huge))
elseif missing < 0 then
  putFirst(general, takeFree(pool, -missing, math.huge))
  tellThirsty(general)
end
pool.units, pool.closed = units, false
if pool.free > 0 then tellThirsty(pool) end
if missing ~= 0 then tellMoved(from) end
savePool(general)
savePool(pool)
redis.call('SADD', base .. 'pools', pool.name)
return {'done', changed()}
