// Names of C for what a program calls as it likes, and the layout of its structs.
#include "codegen/header/face.h"

#include <doctest/doctest.h>

using namespace nnc;

TEST_CASE("a path becomes a name that C and C++ take") {
  CHECK(c_name("dense.weight") == "dense_weight");
  CHECK(c_name("m/dense_2.bias") == "m_dense_2_bias");
  CHECK(c_name("int") == "int_");
  CHECK(c_name("co_await") == "co_await_");
  for (auto const* macro : {"errno", "NULL", "I", "complex", "linux", "near", "stdout"})
    CHECK(c_name(macro) == std::string(macro) + "_");
  CHECK(c_name("2d") == "x2d");
  CHECK(c_name("_hidden") == "x_hidden");
  CHECK(c_name("a..b") == "a_b");
  CHECK(c_name("\xC3\xA9t\xC3\xA9") == "x_t_");
  CHECK(c_name("") == "x");
  for (auto const* word : {"dense.weight", "int", "2d", "_hidden", "a..b", "", "\xC3\xA9", "___"})
    CHECK(is_c_word(c_name(word)));
  CHECK(is_c_word("int")); // a prefix: int_train
  CHECK(!is_c_word("a-b"));
  CHECK(!is_c_word(""));
}

TEST_CASE("names that become the same are told apart") {
  CBlock block;
  for (auto const* name : {"a.b", "a_b", "a/b", "a.b", "a_b_2"}) block.add(name, scalar_of(DType::f32));
  REQUIRE(block.members.size() == 4);
  CHECK(block.find("a.b")->c == "a_b");
  CHECK(block.find("a_b")->c == "a_b_2");
  CHECK(block.find("a/b")->c == "a_b_3");
  CHECK(block.find("a_b_2")->c == "a_b_2_2");
}

TEST_CASE("a column does not take the name of the count beside it") {
  CFace face;
  face.data.add("examples", scalar_of(DType::f32));
  CHECK(face.data.find("examples")->c == "examples_2");
}

TEST_CASE("a name has one type") {
  CBlock block;
  block.add("w", {DType::f32, {3}});
  CHECK_THROWS_AS(block.add("w", {DType::f32, {4}}), Error);
}

TEST_CASE("members stand where a compiler of C puts them") {
  struct {
    uint8_t a[3];
    float b[2];
    uint16_t c[1];
    double d[1];
    uint8_t e[1];
  } s;
  CBlock block;
  block.add("a", {DType::bool_, {3}});
  block.add("b", {DType::f32, {2, 1}});
  block.add("c", {DType::bf16, {}});
  block.add("d", {DType::f64, {1}});
  block.add("e", {DType::u8, {0}}); // an array of C has an element
  auto const layout = layout_of(block);
  auto const offset = [&](void const* member) {
    return static_cast<char const*>(member) - reinterpret_cast<char*>(&s);
  };
  CHECK(layout.offsets == std::vector<i64>{offset(s.a), offset(s.b), offset(s.c), offset(s.d), offset(s.e)});
  CHECK(layout.bytes == static_cast<i64>(sizeof s));
}
