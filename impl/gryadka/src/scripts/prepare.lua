-- Promises a ballot, or answers the ballots that stand against it.
-- KEYS[1] register; ARGV[1] counter, ARGV[2] proposer of the ballot.
-- A register is a hash: pc, pp promised ballot; ac, ap accepted ballot; v value, absent when empty.
local held = redis.call('HMGET', KEYS[1], 'pc', 'pp', 'ac', 'ap', 'v')
local counter, proposer = tonumber(ARGV[1]), tonumber(ARGV[2])
local pc, pp = tonumber(held[1] or 0), tonumber(held[2] or 0)
local ac, ap = tonumber(held[3] or 0), tonumber(held[4] or 0)
if pc > counter or (pc == counter and pp >= proposer)
  or ac > counter or (ac == counter and ap >= proposer) then
  return {0, pc, pp, ac, ap}
end
redis.call('HSET', KEYS[1], 'pc', ARGV[1], 'pp', ARGV[2])
return {1, ac, ap, held[5]}
