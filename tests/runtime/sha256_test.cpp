// SHA-256 against the examples that the standard's authors publish, and in pieces.
#include "runtime/sha256.h"

#include "runtime/bytes.h"

#include <doctest/doctest.h>

using namespace nnc;

TEST_CASE("sha256 of the published examples") {
  CHECK(sha256(as_bytes("")) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  CHECK(sha256(as_bytes("abc")) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  CHECK(sha256(as_bytes("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq")) ==
        "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  CHECK(sha256(as_bytes(std::string(1'000'000, 'a'))) ==
        "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST_CASE("sha256 does not see how a message is cut") {
  std::string const message(300, 'x');
  for (size_t cut = 0; cut <= message.size(); ++cut) {
    Sha256 hash;
    hash.update(as_bytes(std::string_view(message).substr(0, cut)));
    hash.update(as_bytes(std::string_view(message).substr(cut)));
    REQUIRE(hash.hex() == sha256(as_bytes(message)));
  }
}
