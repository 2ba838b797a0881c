-- Makes the server an acceptor of a cluster.
-- KEYS[1] state; ARGV identity, epoch, promise floor, configuration, and the token that a wipe has left, or 0
-- where there was none. A token that is not there any more was lost with the rest of the memory.
local state = redis.call('HMGET', KEYS[1], 'identity', 'retired', 'wipe_token')
if state[1] == ARGV[1] then return 1 end
if state[1] then return redis.error_reply('NOTMEMBER it is another acceptor') end
if state[2] then return redis.error_reply('NOTWIPED it has registers of an earlier life') end
if (state[3] or '0') ~= ARGV[5] then
  return redis.error_reply('NOTWIPED it is not as it was when it was wiped')
end
redis.call('HDEL', KEYS[1], 'wipe_token')
redis.call('HSET', KEYS[1], 'identity', ARGV[1], 'epoch', ARGV[2], 'config_epoch', ARGV[2],
  'promise_floor', ARGV[3], 'config', ARGV[4])
return 1
