-- Makes the general pool one of so many units, never fewer. KEYS[1] meta · ARGV incarnation, version, template, total
-- → done, version
local no = refusal()
if no then return no end
local pool = loadPool(ARGV[3], '0')
local total = tonumber(ARGV[4])
if pool and pool.units >= total then return {'done', version} end
if not pool then
  pool = newPool(ARGV[3], '0')
  redis.call('SADD', base .. 'pools', pool.name)
end
if total > pool.units then
  putLast(pool, pack('<I4I4', pool.units, total))
  pool.units = total
  tellThirsty(pool)
end
savePool(pool)
return {'done', changed()}
