-- Gives the acceptor its place in a cluster.
-- KEYS[1] standing; ARGV stamp, epoch, age, document, and the mark that a wipe left, or 0. A mark that
-- is not there any more was lost with the rest of the memory.
local standing = redis.call('HMGET', KEYS[1], 'stamp', 'retired', 'wiped')
if standing[1] == ARGV[1] then return 1 end
if standing[1] then return redis.error_reply('NOTMEMBER it is another acceptor') end
if standing[2] then return redis.error_reply('NOTWIPED it has registers of an earlier life') end
if (standing[3] or '0') ~= ARGV[5] then
  return redis.error_reply('NOTWIPED it is not as it was when it was wiped')
end
redis.call('HDEL', KEYS[1], 'wiped')
redis.call('HSET', KEYS[1], 'stamp', ARGV[1], 'epoch', ARGV[2], 'told', ARGV[2], 'age', ARGV[3],
  'document', ARGV[4])
return 1
