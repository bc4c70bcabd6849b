#!lua flags=allow-oom
-- Keep what is known of API keys. A key once revoked stays so: who says otherwise looked earlier.
-- ARGV: pairs: SHA-256 of the key, '<0 or 1: revoked>|<project id>|<name>' or '' to forget it
for i = 1, #ARGV, 2 do
  local digest, value = ARGV[i], ARGV[i + 1]
  if value == '' then
    redis.call('HDEL', 'keys', digest)
  elseif redis.call('HGET', 'keys', digest) ~= '1' .. string.sub(value, 2) then
    redis.call('HSET', 'keys', digest, value)
  end
end
return #ARGV / 2
