-- One HGET as it is usually written in nginx: a pooled connection for each request, one command, one reply.

local byte, sub, find = string.byte, string.sub, string.find

local _M = {}
local socket

function _M.start(path)
  socket = path
end

-- The value, 0 where there is none; or nil and what went wrong.
function _M.look_up(command)
  local connection = ngx.socket.tcp()
  local ok, failure = connection:connect(socket)
  if not ok then
    return nil, failure
  end
  ok, failure = connection:send(command)
  if not ok then
    return nil, failure
  end
  local got = ""
  -- `$-1\r\n`, or `$1\r\n5\r\n`; nearly always it is all there at once.
  repeat
    local more
    more, failure = connection:receiveany(64)
    if not more then
      return nil, failure
    end
    got = got .. more
  until sub(got, -2) == "\r\n" and (byte(got, 2) == 45 or #got >= 7)
  connection:setkeepalive(60000, 128)
  if byte(got, 2) == 45 then
    return 0
  end
  local _, line = find(got, "\r\n", 1, true)
  return tonumber(sub(got, line + 1, -3))
end

return _M
