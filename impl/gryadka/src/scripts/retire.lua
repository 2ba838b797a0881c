-- Takes the acceptor's place away. It gets another one only after a wipe. Its config stays, for
-- those who look for the others here.
-- KEYS[1] state; ARGV identity, epoch.
local state = redis.call('HMGET', KEYS[1], 'identity', 'epoch')
if not state[1] then return 1 end
if state[1] ~= ARGV[1] then return redis.error_reply('NOTMEMBER it is another acceptor') end
if tonumber(state[2]) > tonumber(ARGV[2]) then
  return redis.error_reply('FENCED ' .. state[2])
end
local config = redis.call('HGET', KEYS[1], 'config')
redis.call('DEL', KEYS[1])
redis.call('HSET', KEYS[1], 'retired', ARGV[1], 'config', config or '')
return 1
