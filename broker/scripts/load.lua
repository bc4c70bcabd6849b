#!lua flags=no-writes
-- What waits in queues, without handing the messages over: one may be megabytes.
-- ARGV: queues
-- Returns a flat list: events, time of the oldest event in milliseconds or ''; for each queue
local out = {}
for i = 1, #ARGV do
  local oldest = ''
  local message = redis.call('LINDEX', ARGV[i], -1)
  if message then
    local head = string.sub(message, 1, 4096)
    oldest = string.match(head, '"sluice%-oldest%-ms": ?(%d+)') or ''
  end
  out[#out + 1] = redis.call('GET', 'events:' .. ARGV[i]) or '0'
  out[#out + 1] = oldest
end
return out
