-- Prelude: sets of serials as strings of ranges, 8 bytes each: from, to (exclusive), little-endian. Sorted, disjoint,
-- not touching. They are searched in place: a lease of hundreds of ranges is never taken apart for one sale.
local pack, unpackBytes, sub = struct.pack, struct.unpack, string.sub

-- Bytes before the first range that ends behind the serial.
local function bytesBefore(ranges, serial)
  local low, high = 0, #ranges / 8
  while low < high do
    local middle = math.floor((low + high) / 2)
    if unpackBytes('<I4', ranges, middle * 8 + 5) > serial then high = middle else low = middle + 1 end
  end
  return low * 8
end

-- Without [from, to), or nil when not all of it was there.
local function without(ranges, from, to)
  local at = bytesBefore(ranges, from)
  if at >= #ranges then return nil end
  local first, last = unpackBytes('<I4I4', ranges, at + 1)
  if first > from or last < to then return nil end
  local left = ''
  if first < from then left = pack('<I4I4', first, from) end
  if to < last then left = left .. pack('<I4I4', to, last) end
  return sub(ranges, 1, at) .. left .. sub(ranges, at + 9)
end

-- With [from, to), of which nothing was there before.
local function with(ranges, from, to)
  local at = bytesBefore(ranges, from)
  local head, tail = sub(ranges, 1, at), sub(ranges, at + 1)
  if at > 0 then
    local first, last = unpackBytes('<I4I4', ranges, at - 7)
    if last == from then from, head = first, sub(ranges, 1, at - 8) end
  end
  if tail ~= '' then
    local first, last = unpackBytes('<I4I4', tail)
    if first == to then to, tail = last, sub(tail, 9) end
  end
  return head .. pack('<I4I4', from, to) .. tail
end

local function unitsOf(ranges)
  local units = 0
  for at = 1, #ranges, 8 do
    local from, to = unpackBytes('<I4I4', ranges, at)
    units = units + to - from
  end
  return units
end
