-- Executes requests about registers one after the other. Their bytes are described in wire/mod.rs.
-- KEYS[1] state, KEYS[2] tombstone index, KEYS[3..] registers; ARGV[1] identity, ARGV[2] epoch,
-- ARGV[3..] a request for each register.
-- Errors of one request are its own reply, because those before it have happened.
local call, try = redis.call, redis.pcall
local byte, sub, unpack = string.byte, string.sub, struct.unpack

local state = call('HMGET', KEYS[1], 'identity', 'epoch', 'promise_floor')
if state[1] ~= ARGV[1] then
  return redis.error_reply('NOTMEMBER not the acceptor that is meant')
end
if state[2] ~= ARGV[2] then
  if tonumber(ARGV[2]) < tonumber(state[2]) then
    return redis.error_reply('FENCED ' .. state[2])
  end
  call('HSET', KEYS[1], 'epoch', ARGV[2])
end
local floor = state[3]

-- The ballots of a register, from the 33 bytes that it begins with; or what is wrong with it.
local function ballots(head)
  if #head >= 33 then
    return nil, unpack('>I8I8I8I8', head, 2)
  elseif head == '' then
    local promised = tonumber(floor)
    return nil, promised, promised > 0 and 9007199254740991 or 0, 0, 0
  end
  return head.err and head or redis.error_reply('WRONGTYPE this is not a register')
end

local function against(pc, pp, ac, ap)
  return 'X' .. struct.pack('>I8I8I8I8', pc, pp, ac, ap)
end

-- What a command answered if it failed, else the reply.
local function done(answer, reply)
  return type(answer) == 'table' and answer.err and answer or reply
end

-- Stores a register in the place of one that began so. The tombstone index has the keys of the registers
-- that hold no value: a key is added before its register loses its value, so that none is overlooked.
local function store(key, register, head)
  local was = head ~= '' and byte(head) ~= 65
  local is = byte(register) ~= 65 -- A
  if is and not was then
    local noted = try('SADD', KEYS[2], sub(key, #KEYS[1] + 1))
    if type(noted) == 'table' then return noted end
  end
  local stored = try('SET', key, register)
  if was and not is then try('SREM', KEYS[2], sub(key, #KEYS[1] + 1)) end
  return done(stored, 1)
end

local function accept(key, register)
  local head = try('GETRANGE', key, '0', '32')
  local wrong, pc, pp, ac, ap = ballots(head)
  if wrong then return wrong end
  local counter, proposer = unpack('>I8I8', register, 18)
  if pc > counter or (pc == counter and pp > proposer)
    or ac > counter or (ac == counter and ap >= proposer) then
    return against(pc, pp, ac, ap)
  end
  return store(key, register, head)
end

local function prepare(key, request)
  local held = try('GET', key)
  local wrong, pc, pp, ac, ap = ballots(held or '')
  if wrong then return wrong end
  local counter, proposer = unpack('>I8I8', request, 2)
  if pc > counter or (pc == counter and pp >= proposer)
    or ac > counter or (ac == counter and ap >= proposer) then
    return against(pc, pp, ac, ap)
  end
  local ballot = sub(request, 2)
  local stored
  if held then
    stored = try('SETRANGE', key, '1', ballot)
  else
    stored = store(key, 'N' .. ballot .. string.rep('\0', 16), '')
  end
  return done(stored, { tonumber(floor), held })
end

local function read(key)
  local held = try('GET', key)
  return (ballots(held or '')) or held
end

local function collect(key, request)
  local wrong, pc, pp, ac, ap = ballots(try('GETRANGE', key, '0', '32'))
  if wrong then return wrong end
  local counter, proposer, told = unpack('>I8I8I8', request, 2)
  if told > tonumber(floor) then
    local text = string.format('%.0f', told)
    local raised = try('HSET', KEYS[1], 'promise_floor', text)
    if type(raised) == 'table' then return raised end
    floor = text
  end
  local meant = ac == counter and ap == proposer and pc <= told
  if meant then
    local erased = try('DEL', key)
    if type(erased) == 'table' then return erased end
    if erased == 0 then meant = false end
    try('SREM', KEYS[2], sub(key, #KEYS[1] + 1))
  end
  return meant and 1 or 0
end

local kinds = { [80] = prepare, [82] = read, [67] = collect }
local replies = {}
for i = 3, #KEYS do
  local request = ARGV[i]
  replies[i - 2] = (kinds[byte(request)] or accept)(KEYS[i], request)
end
return replies
