#!lua flags=allow-oom
-- Keep the redaction rules of projects. A later version stays: who says otherwise looked earlier.
-- ARGV: triples: project id, version, '<version>|<JSON>'
for i = 1, #ARGV, 3 do
  local known = redis.call('HGET', 'redaction', ARGV[i])
  local version = known and tonumber(string.match(known, '^(%d+)|')) or -1
  if tonumber(ARGV[i + 1]) >= version then
    redis.call('HSET', 'redaction', ARGV[i], ARGV[i + 2])
  end
end
return #ARGV / 3
