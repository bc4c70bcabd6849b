#!lua flags=allow-oom
-- Count events that were accepted and dropped for their quota, once per id: they pass no queue.
-- ARGV: key of the id, seconds it is remembered, then triples: ledger key, field, events
if not redis.call('SET', ARGV[1], 1, 'NX', 'EX', ARGV[2]) then
  return 0
end
for i = 3, #ARGV, 3 do
  redis.call('HINCRBY', ARGV[i], ARGV[i + 1], ARGV[i + 2])
  redis.call('HINCRBY', 'totals', 'over_quota', ARGV[i + 2])
end
return 1
