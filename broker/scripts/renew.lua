#!lua flags=allow-oom
-- Say that owners live.
-- ARGV: milliseconds, then their lease keys
for i = 2, #ARGV do
  redis.call('SET', ARGV[i], 1, 'PX', ARGV[1])
end
return #ARGV - 1
