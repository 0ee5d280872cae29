// Extents as polynomials, types as text, sizes that come from files.
#include "ir/diagnostic.h"
#include "ir/types.h"

#include <doctest/doctest.h>

using namespace nnc;

namespace {
Dim const batch(Symbol::batch), examples(Symbol::examples);
Bindings bound_to(i64 b) {
  Bindings out;
  out[0] = b;
  return out;
}
} // namespace

TEST_CASE("extents have one form per value") {
  CHECK(batch + 1 == Dim(1) + batch);
  CHECK((batch + 1) * (batch - 1) == batch * batch - 1);
  CHECK(batch - batch == Dim(0));
  CHECK((batch * 2 + 1).text() == "2*batch+1");
  CHECK((batch * batch - batch - 3).text() == "batch*batch-batch-3");
  CHECK((batch * examples).text() == "batch*examples");
  CHECK(Dim(0).text() == "0");
}

TEST_CASE("extents read back from their text") {
  for (Dim const& d :
       {Dim(0), Dim(-7), batch, batch * -1, batch * 2 + 1, batch * batch * 3 - examples + 5, batch * examples - 1})
    CHECK(Dim::parse(d.text()) == d);
  CHECK(Dim::parse("2 * batch + 1") == batch * 2 + 1);
  for (auto text : {"", "+", "batch+", "width", "2**3", "batch batch", "99999999999999999999", "2*"})
    CHECK_FALSE(Dim::parse(text));
}

TEST_CASE("division is exact or not at all") {
  CHECK((batch * 6).divided_by(3) == batch * 2);
  CHECK((batch * batch - 1).divided_by(batch + 1) == batch - 1);
  CHECK((batch * 6).divided_by(batch) == Dim(6));
  CHECK_FALSE((batch * 6 + 1).divided_by(3));
  CHECK_FALSE(Dim(6).divided_by(batch));
  CHECK_FALSE(batch.divided_by(0));
  CHECK(Dim(0).divided_by(batch) == Dim(0));
}

TEST_CASE("binding a symbol") {
  CHECK((batch * batch + examples).bind(bound_to(3)) == examples + 9);
  CHECK((batch * 4).value(bound_to(5)) == 20);
  CHECK_THROWS_AS((void)batch.value({}), Error);
  CHECK((batch * 2).mentions(Symbol::batch));
  CHECK_FALSE((batch * 2).mentions(Symbol::examples));
}

TEST_CASE("the maximum is as large as both for every batch") {
  Dim a = batch * 2 + 5, b = batch * 3 - 1;
  Dim m = Dim::maximum(a, b);
  for (i64 n = 1; n < 20; ++n) {
    CHECK(m.value(bound_to(n)) >= a.value(bound_to(n)));
    CHECK(m.value(bound_to(n)) >= b.value(bound_to(n)));
  }
}

TEST_CASE("extents beyond 64 bits are refused") {
  Dim huge(INT64_MAX);
  CHECK_THROWS_AS((void)(huge + 1), Error);
  CHECK_THROWS_AS((void)(huge * batch * 2), Error);
  CHECK_THROWS_AS((void)(Dim(0) - Dim(INT64_MIN)), Error);
}

TEST_CASE("sizes of tensors are checked") {
  CHECK(bytes_of({2, 3}, DType::f32) == 24);
  CHECK(bytes_of({}, DType::f64) == 8);
  CHECK(bytes_of({i64{1} << 40, 0, i64{1} << 40}, DType::f32) == 0);
  CHECK_FALSE(bytes_of({-1, 3}, DType::u8));
  CHECK_FALSE(bytes_of({i64{1} << 40, i64{1} << 40}, DType::u8));
  CHECK_FALSE(bytes_of({INT64_MAX}, DType::f32));
}

TEST_CASE("types as text") {
  CHECK(Type{DType::f32, {batch, 784}}.text() == "f32[batch,784]");
  CHECK(scalar_of(DType::bool_).text() == "bool[]");
  for (int i = 0; i < dtype_count; ++i) {
    auto d = static_cast<DType>(i);
    CHECK(dtype_named(name(d)) == d);
    CHECK((is_float(d) + is_int(d) + (d == DType::bool_)) == 1);
  }
  CHECK_FALSE(dtype_named("float"));
}
