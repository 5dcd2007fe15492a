-- Asks every node for all it holds of a pool. KEYS[1] meta · ARGV incarnation, version, template, activity
-- → done, version
local no = refusal()
if no then return no end
notify('recall|' .. ARGV[3] .. '|' .. ARGV[4] .. '|1')
return {'done', version}
