-- Erases some registers of a server that is no acceptor of a cluster, or, when none are named, what is left
-- beside them.
-- KEYS[1] state, KEYS[2] tombstone index, KEYS[3..] registers; ARGV[1] the token of this wipe, when no registers
-- are named: only with it is the server admitted then.
if redis.call('HEXISTS', KEYS[1], 'identity') == 1 then
  return redis.error_reply('NOTMEMBER it is an acceptor of a cluster')
end
if #KEYS == 2 then
  redis.call('UNLINK', KEYS[1], KEYS[2])
  redis.call('HSET', KEYS[1], 'wipe_token', ARGV[1])
  return 0
end
local erased = 0
for i = 3, #KEYS do erased = erased + redis.call('UNLINK', KEYS[i]) end
return erased
