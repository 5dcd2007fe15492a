-- Gives a seat up. KEYS[1] meta · ARGV incarnation, version, node id, epoch → done, version
local no = refusal()
if no then return no end
if not seated(ARGV[3], ARGV[4]) then return {'fenced'} end
endSeat(ARGV[3], ARGV[4])
return {'done', changed()}
