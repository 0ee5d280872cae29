// The safetensors format: what is written can be read, and nothing else can.
#include "runtime/bytes.h"
#include "runtime/safetensors.h"
#include "tests/runtime/scratch.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>

using namespace nnc;
using namespace nnc::test;
using namespace std::string_literals;

namespace {

// A file of this header and these data.
std::string file_of(std::string const& header, std::string const& data) {
  std::string length(8, '\0');
  store_little_u64(header.size(), reinterpret_cast<u8*>(length.data()));
  return length + header + data;
}

HostTensor floats(std::vector<i64> shape, std::vector<f32> const& values) {
  HostTensor tensor(DType::f32, std::move(shape));
  std::ranges::copy(values, tensor.writable_as<f32>().begin());
  return tensor;
}

Safetensors parse(std::string const& content) {
  auto const owner = std::make_shared<std::string>(content);
  return parse_safetensors(bytes_of_text(*owner), "w", owner);
}

std::string error(std::string const& content) {
  return error_of([&] { parse(content); });
}

std::string header_error(std::string const& header, std::string const& data = "") {
  return error(file_of(header, data));
}

} // namespace

TEST_CASE("what is written is read again, bit by bit") {
  Scratch scratch;
  f32 const nan = std::numeric_limits<f32>::quiet_NaN();
  HostTensor labels(DType::i64, {2});
  labels.writable_as<i64>()[1] = std::numeric_limits<i64>::min();
  HostTensor pixels(DType::u8, {3});
  pixels.writable_as<u8>()[2] = 255;
  Safetensors const content{
      .tensors = {{"pixels", pixels},
                  {"dense.weight", floats({2, 2}, {1.5f, -0.0f, nan, 3})},
                  {"labels", labels},
                  {"empty", HostTensor(DType::f32, {0, 4})},
                  {"scalar", floats({}, {7})}},
      .metadata = {{"a", "b"}, {"quote", "\"\\\n"}},
  };
  write_safetensors(scratch / "w.safetensors", content);
  auto const read = read_safetensors(scratch / "w.safetensors");
  CHECK(read.metadata == content.metadata);
  REQUIRE(read.tensors.size() == content.tensors.size());
  for (auto const& named : content.tensors) {
    auto const* other = read.find(named.name);
    REQUIRE(other);
    CHECK(other->type_text() == named.tensor.type_text());
    CHECK(std::ranges::equal(other->bytes(), named.tensor.bytes()));
  }
}

TEST_CASE("every dtype has its name in the format") {
  Scratch scratch;
  for (int i = 0; i < dtype_count; ++i) {
    auto const dtype = static_cast<DType>(i);
    write_safetensors(scratch / "w", {.tensors = {{"x", HostTensor(dtype, {3})}}, .metadata = {}});
    CHECK(read_safetensors(scratch / "w").find("x")->dtype() == dtype);
  }
}

TEST_CASE("the bytes of a small file") {
  Scratch scratch;
  HostTensor small(DType::u8, {1});
  small.writable_as<u8>()[0] = 'x';
  write_safetensors(scratch / "w", {.tensors = {{"b", small}, {"a", floats({1}, {1})}}, .metadata = {{"k", "v"}}});
  // Wide elements first, and the data at a multiple of 8.
  std::string header =
      R"({"__metadata__":{"k":"v"},"a":{"data_offsets":[0,4],"dtype":"F32","shape":[1]},"b":{"data_offsets":[4,5],"dtype":"U8","shape":[1]}})";
  header.resize((header.size() + 7) / 8 * 8, ' ');
  CHECK(content_of(scratch / "w") == file_of(header, "\0\0\x80\x3fx"s));
}

TEST_CASE("tensors whose data are not aligned are copied to where they are") {
  auto const read = parse(file_of(
      R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"b":{"dtype":"F32","shape":[1],"data_offsets":[1,5]}})",
      "x\0\0\x80\x3f"s));
  CHECK(read.find("b")->as<f32>()[0] == 1.0f);
}

TEST_CASE("a file without tensors is one") { CHECK(parse(file_of("{}  ", "")).tensors.empty()); }

TEST_CASE("the length of the header is not believed") {
  CHECK(error("") == "w: expected a safetensors file, found 0 bytes");
  CHECK(error("1234567") == "w: expected a safetensors file, found 7 bytes");
  CHECK(error("\x40\0\0\0\0\0\0\0{}"s) == "w: the header promises 64 bytes of header, and only 2 bytes follow");
  CHECK(error(std::string(8, '\xff')) ==
        "w: expected a safetensors file, found a header length of 18446744073709551615 (at most 100000000 is allowed)");
}

TEST_CASE("the header must be JSON of the right form") {
  auto const prefix = "w: the header of a safetensors file: "s;
  CHECK(header_error("") == prefix + "is no JSON at byte 1");
  CHECK(header_error("{") == prefix + "is no JSON at byte 2");
  CHECK(header_error("{} x") == prefix + "is no JSON at byte 4");
  CHECK(header_error("{\"\xff\":1}") == prefix + "is no JSON at byte 3");
  CHECK(header_error("[]") == prefix + "expected an object of tensors, found a list");
  CHECK(header_error("3") == prefix + "expected an object of tensors, found a number");
  CHECK(header_error(R"({"a":3})") == prefix + "a number is out of place in 'a'");
  CHECK(header_error(R"({"a":null})") == prefix + "null is out of place in 'a'");
  CHECK(header_error(R"({"a":{"dtype":{}}})") == prefix + "an object is out of place in 'a'");
  CHECK(header_error(R"({"a":{"dtype":["F32"]}})") == prefix + "a list is out of place in 'a'");
  CHECK(header_error(R"({"a":{"dtype":"F32"}})") == prefix + "tensor 'a' needs dtype, shape and data_offsets");
  CHECK(header_error(R"({"a":{"dtype":"F32","dtype":"F32"}})") == prefix + "tensor 'a' has 'dtype' twice");
  CHECK(header_error(R"({"a":{"color":"red"}})") == prefix + "tensor 'a' has an unknown field 'color'");
  CHECK(header_error(R"({"a":{"shape":[[1]]}})") == prefix + "a list is out of place in 'a'");
  CHECK(header_error(R"({"a":{"shape":[-1]}})") == prefix + "the number -1 is out of place in 'a'");
  CHECK(header_error(R"({"a":{"shape":[1.5]}})") == prefix + "the number 1.5 is out of place in 'a'");
  CHECK(header_error(R"({"a":{"shape":[18446744073709551615]}})") ==
        prefix + "the extent 18446744073709551615 is out of place in 'a'");
  CHECK(header_error(R"({"a":{"data_offsets":[0]}})") == prefix + "tensor 'a' has 1 data offsets, expected 2");
  CHECK(header_error(R"({"a":{"data_offsets":[0,1,2]}})") == prefix + "tensor 'a' has more than 2 data offsets");
  CHECK(header_error(R"({"__metadata__":{"a":1}})") == prefix + "a number is out of place in '__metadata__'");
  CHECK(header_error(R"({"__metadata__":{"a":"1","a":"2"}})") == prefix + "the metadata have 'a' twice");
  CHECK(header_error(R"({"__metadata__":{},"__metadata__":{}})") == prefix + "the metadata are there twice");
}

TEST_CASE("JSON that is very deep is refused without falling down") {
  CHECK(header_error(std::string(1'000'000, '[')) ==
        "w: the header of a safetensors file: expected an object of tensors, found a list");
  CHECK(header_error("{\"a\":" + std::string(1'000'000, '{')) ==
        "w: the header of a safetensors file: is no JSON at byte 7");
}

TEST_CASE("every byte of the data belongs to exactly one tensor") {
  auto one = [](std::string const& dtype, std::string const& shape, std::string const& offsets,
                std::string const& data) {
    return header_error(R"({"a":{"dtype":")" + dtype + R"(","shape":)" + shape + R"(,"data_offsets":)" + offsets + "}}",
                        data);
  };
  CHECK(one("F32", "[1]", "[0,4]", "abcd") == "no error");
  CHECK(one("F32", "[1]", "[0,4]", "abc") == "w: tensor 'a' takes the bytes 0 to 4, and the file has 3 bytes of data");
  CHECK(one("F32", "[1]", "[4,0]", "abcd") == "w: tensor 'a' takes the bytes 4 to 0, and the file has 4 bytes of data");
  CHECK(one("F32", "[1]", "[0,4]", "abcde") == "w: 1 byte of data belong to no tensor");
  CHECK(one("F32", "[1]", "[1,5]", "abcde") == "w: tensor 'a' begins at byte 1, expected 0: the tensors leave a hole");
  CHECK(one("F32", "[2]", "[0,4]", "abcd") == "w: tensor 'a' is f32[2], which takes 8 bytes, and has 4 bytes");
  CHECK(one("F32", "[9223372036854775807]", "[0,4]", "abcd") == "w: tensor 'a': f32[9223372036854775807] is too large");
  CHECK(one("F32", "[4294967296,4294967296]", "[0,0]", "") == "w: tensor 'a': f32[4294967296,4294967296] is too large");
  CHECK(one("U64", "[1]", "[0,8]", "abcdefgh") == "w: tensor 'a' has the dtype 'U64', which nnc does not have");
  CHECK(one("BOOL", "[2]", "[0,2]", "\0\1"s) == "no error");
  CHECK(one("BOOL", "[2]", "[0,2]", "\1\2") == "w: tensor 'a' is BOOL and has the value 2");
  auto two = [](std::string const& name, std::string const& offsets) {
    return header_error(R"({"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},")" + name +
                            R"(":{"dtype":"U8","shape":[4],"data_offsets":)" + offsets + "}}",
                        "12345678");
  };
  CHECK(two("b", "[4,8]") == "no error");
  CHECK(two("b", "[2,6]") == "w: tensor 'b' begins at byte 2, expected 4: the tensors overlap");
  CHECK(two("b", "[0,4]") == "w: tensor 'b' begins at byte 0, expected 4: the tensors overlap");
  CHECK(two("a", "[4,8]") == "w: tensor 'a' is there twice");
}

TEST_CASE("whatever is done to a file, reading it works or is an Error") {
  Scratch scratch;
  write_safetensors(scratch / "w",
                    {.tensors = {{"x", floats({2, 3}, {1, 2, 3, 4, 5, 6})}, {"y", HostTensor(DType::bool_, {5})}},
                     .metadata = {{"k", "v"}}});
  auto const good = content_of(scratch / "w");
  for (size_t length = 0; length < good.size(); ++length) CHECK(error(good.substr(0, length)) != "no error");
  CHECK(error(good + "x") != "no error");
  for (size_t bit = 0; bit < 8 * good.size(); ++bit) {
    auto changed = good;
    changed[bit / 8] ^= static_cast<char>(1 << bit % 8);
    error(changed);
  }
  for (size_t at = 8; at < good.size(); ++at)
    for (char c : "\0\"{}[]:,-9e\\"s) {
      auto changed = good;
      changed[at] = c;
      error(changed);
    }
}

TEST_CASE("names that the format cannot hold are refused") {
  Scratch scratch;
  auto write = [&](std::string const& name) {
    return error_in(scratch, [&] {
      write_safetensors(scratch / "w", {.tensors = {{name, HostTensor(DType::u8, {1})}}, .metadata = {}});
    });
  };
  CHECK(write("__metadata__") == "w: a tensor cannot be called __metadata__");
  CHECK(write("\xff") == "w: a name or a metadata entry is not UTF-8");
  CHECK(error_in(scratch, [&] {
          HostTensor const x(DType::u8, {1});
          write_safetensors(scratch / "w", {.tensors = {{"x", x}, {"x", x}}, .metadata = {}});
        }) == "w: tensor 'x' is there twice");
  CHECK(!std::filesystem::exists(scratch / "w"));
}
