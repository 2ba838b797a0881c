-- Takes the acceptor's place away. It gets another one only after a wipe. Its document stays, for
-- those who look for the others here.
-- KEYS[1] standing; ARGV stamp.
local stamp = redis.call('HGET', KEYS[1], 'stamp')
if not stamp then return 1 end
if stamp ~= ARGV[1] then return redis.error_reply('NOTMEMBER it is another acceptor') end
local document = redis.call('HGET', KEYS[1], 'document')
redis.call('DEL', KEYS[1])
redis.call('HSET', KEYS[1], 'retired', ARGV[1], 'document', document or '')
return 1
