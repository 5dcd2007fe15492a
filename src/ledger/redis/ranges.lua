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

-- Without the ranges [froms[i], tos[i]), which come in ascending order; nil when not all of them were there.
local function without(ranges, froms, tos)
  if #froms == 0 then return ranges end
  local at = bytesBefore(ranges, froms[1])
  local parts = { sub(ranges, 1, at) }
  -- What is left of the range looked at.
  local first, last = 0, 0
  for i = 1, #froms do
    local from, to = froms[i], tos[i]
    while last <= from do
      if first < last then parts[#parts + 1] = pack('<I4I4', first, last) end
      if at >= #ranges then return nil end
      first, last = unpackBytes('<I4I4', ranges, at + 1)
      at = at + 8
    end
    if from < first or last < to then return nil end
    if first < from then parts[#parts + 1] = pack('<I4I4', first, from) end
    first = to
  end
  if first < last then parts[#parts + 1] = pack('<I4I4', first, last) end
  parts[#parts + 1] = sub(ranges, at + 1)
  return table.concat(parts)
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

local function unpackRanges(ranges)
  local froms, tos = {}, {}
  for at = 1, #ranges, 8 do
    froms[#froms + 1], tos[#tos + 1] = unpackBytes('<I4I4', ranges, at)
  end
  return froms, tos
end

local function unitsOf(ranges)
  local units = 0
  for at = 1, #ranges, 8 do
    local from, to = unpackBytes('<I4I4', ranges, at)
    units = units + to - from
  end
  return units
end
