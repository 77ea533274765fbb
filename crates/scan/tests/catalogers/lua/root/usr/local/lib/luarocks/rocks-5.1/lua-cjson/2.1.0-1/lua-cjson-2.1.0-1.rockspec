package = "lua-cjson"
version = "2.1.0-1"
description = {
   license = "MIT"
}
