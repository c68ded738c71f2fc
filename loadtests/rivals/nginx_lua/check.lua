-- The check in nginx with LuaJIT: the same question, the same look-up, the same answer, written to win.
--
-- Token and rights from memory, JSON in, the address validated and digested (AES-256, one block, libcrypto by
-- FFI), one HGET in the cache, JSON out. It believes the cache as it is: no ledger, no watermark, no
-- deadline, no evidence. It answers numbers only, for COMMERCIAL messages, and no retailer's question.

local ffi = require "ffi"
local bit = require "bit"
local decode = require("cjson.safe").decode

ffi.cdef [[
typedef struct evp_cipher_ctx_st EVP_CIPHER_CTX;
typedef struct evp_cipher_st EVP_CIPHER;
EVP_CIPHER_CTX *EVP_CIPHER_CTX_new(void);
const EVP_CIPHER *EVP_aes_256_ecb(void);
int EVP_EncryptInit_ex(EVP_CIPHER_CTX *, const EVP_CIPHER *, void *, const unsigned char *, const unsigned char *);
int EVP_CIPHER_CTX_set_padding(EVP_CIPHER_CTX *, int);
int EVP_EncryptUpdate(EVP_CIPHER_CTX *, unsigned char *, int *, const unsigned char *, int);
]]

local _M = {}

-- Values of the cache: a digit of base three for each channel and recipient type.
local PLACES = {
  MESAJ = { BIREYSEL = 1, TACIR = 27 },
  ARAMA = { BIREYSEL = 3, TACIR = 81 },
}
local NUMBER = [[^\+[1-9]\d{7,13}$]]
-- A question as clients write it, so that it needs no JSON parser: one match reads and validates it.
local USUAL = [[^\{"brandCode": ?(\d{1,9}), ?"type": ?"(MESAJ|ARAMA)", ?"recipient": ?"(\+[1-9]\d{7,13})"\}$]]

local tokens, brands
local cipher, block, digest, made

local find, match = ngx.re.find, ngx.re.match
local lshift, rshift, bor = bit.lshift, bit.rshift, bit.bor
local sub, floor = string.sub, math.floor
local request = ngx.req

-- Called once in the worker: what the caller may ask, and how each brand's entries are laid out.
function _M.start(path)
  local file = assert(io.open(path, "rb"))
  local facts = decode(file:read("*a"))
  file:close()
  tokens, brands = {}, {}
  for token, rights in pairs(facts.tokens) do
    tokens["Bearer " .. token] = rights
  end
  for code, brand in pairs(facts.brands) do
    local tail = ',"position":' .. brand.position .. "}"
    local function answer(allowed, reason, status)
      return '{"allowed":' .. allowed .. ',"reason":"' .. reason .. '","status":' .. status .. tail
    end
    brands[tonumber(code)] = {
      active = brand.active,
      prefix = "{" .. code .. "}" .. brand.generation .. ":",
      shift = 32 - brand.bits,
      BIREYSEL = {
        [0] = answer("false", "NO_RECORD", "null"),
        answer("true", "CONSENT", '"ONAY"'),
        answer("false", "REFUSED", '"RET"'),
      },
      TACIR = {
        [0] = answer("false", "REGISTER_ADDRESS_FIRST", "null"),
        answer("true", "MERCHANT_ON_RECORD", '"ONAY"'),
        answer("false", "REFUSED", '"RET"'),
      },
    }
  end
  local key = ffi.new("unsigned char[32]")
  for n = 0, 31 do
    key[n] = tonumber(sub(facts.phone_key, 2 * n + 1, 2 * n + 2), 16)
  end
  cipher = ffi.C.EVP_CIPHER_CTX_new()
  assert(ffi.C.EVP_EncryptInit_ex(cipher, ffi.C.EVP_aes_256_ecb(), nil, key, nil) == 1)
  ffi.C.EVP_CIPHER_CTX_set_padding(cipher, 0)
  require("lookup_pool").start("unix:" .. facts.valkey)
  require("lookup_shared").start("unix:" .. facts.valkey)
  block, digest, made = ffi.new("unsigned char[16]"), ffi.new("unsigned char[16]"), ffi.new("int[1]")
end

local function refuse(status, text)
  ngx.status = status
  ngx.header["Content-Type"] = "application/problem+json"
  local body = '{"status":' .. status .. ',"title":"' .. text .. '"}'
  ngx.header["Content-Length"] = #body
  ngx.print(body)
end

local function reply(body)
  ngx.header["Content-Length"] = #body
  ngx.print(body)
end

local function value_of(brand, recipient, look_up)
  ffi.fill(block, 16)
  ffi.copy(block, recipient, #recipient)
  ffi.C.EVP_EncryptUpdate(cipher, digest, made, block, 16)
  local bucket = 0
  if brand.shift < 32 then
    bucket = rshift(
      bor(lshift(digest[0], 24), lshift(digest[1], 16), lshift(digest[2], 8), digest[3]), brand.shift)
  end
  local key = brand.prefix .. bucket
  return look_up("*3\r\n$4\r\nHGET\r\n$" .. #key .. "\r\n" .. key ..
    "\r\n$8\r\n" .. ffi.string(digest + 4, 8) .. "\r\n")
end

-- Brand code, channel, recipient type and address; or nil and what is wrong.
local function read(body)
  local usual = match(body, USUAL, "jo")
  if usual then
    return tonumber(usual[1]), usual[2], "BIREYSEL", usual[3]
  end
  local question = decode(body)
  if type(question) ~= "table" then
    return nil, "the question must be a JSON object"
  end
  local recipient_type, channel = question.recipientType or "BIREYSEL", question.type
  local recipient = question.recipient
  local known = PLACES[channel] and PLACES[channel][recipient_type]
  if not known or type(question.brandCode) ~= "number" or type(recipient) ~= "string" then
    return nil, "a field is missing or wrong"
  end
  if not find(recipient, NUMBER, "jo") then
    return nil, "no address"
  end
  return question.brandCode, channel, recipient_type, recipient
end

-- Answer one request; `look_up` sends the command, one way or the other.
function _M.check(look_up)
  local rights = tokens[ngx.var.http_authorization or ""]
  if not rights then
    return refuse(401, "no good credential")
  end
  request.read_body()
  local code, channel, recipient_type, recipient = read(request.get_body_data() or "")
  if not code then
    return refuse(422, channel)
  end
  local brand = brands[code]
  if not brand or not brand.active then
    return reply('{"allowed":false,"reason":"SENDER_NOT_REGISTERED","status":null,"position":null}')
  end
  if not rights.every_brand then
    return reply('{"allowed":false,"reason":"NOT_AUTHORISED","status":null,"position":null}')
  end
  local value, failure = value_of(brand, recipient, look_up)
  if not value then
    ngx.log(ngx.ERR, "look-up: ", failure)
    return refuse(503, "the cache is away")
  end
  return reply(brand[recipient_type][floor(value / PLACES[channel][recipient_type]) % 3])
end

return _M
