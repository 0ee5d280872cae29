// Arrays of numpy and their archives: every type and order, and everything that can be wrong with them.
#include "runtime/data/dataset.h"
#include "runtime/data/npy.h"
#include "runtime/data/zip.h"
#include "tests/runtime/numpy_files.h"
#include "tests/runtime/scratch.h"

#include <doctest/doctest.h>

using namespace nnc;
using namespace nnc::test;

namespace {

NpyArray parsed(std::string const& file) {
  auto const copy = std::make_shared<std::string const>(file);
  return parse_npy(bytes_of_text(*copy), "a.npy", copy);
}

template <class T>
std::vector<T> elements(HostTensor const& tensor) {
  auto const all = tensor.as<T>();
  return {all.begin(), all.end()};
}

struct Desk {
  Scratch scratch;
  Environment cache{"XDG_CACHE_HOME", (scratch / "cache").string()};
};

} // namespace

TEST_CASE("every type of numpy that has numbers becomes one of nnc") {
  CHECK(elements<f32>(parsed(npy("<f4", "(2,)", bytes_of_numbers<f32>({1.5f, -2}))).tensor) == std::vector<f32>{1.5f, -2});
  CHECK(elements<f64>(parsed(npy("<f8", "(1,)", bytes_of_numbers<f64>({0.1}))).tensor) == std::vector<f64>{0.1});
  CHECK(elements<i64>(parsed(npy("<i8", "(1,)", bytes_of_numbers<i64>({-7}))).tensor) == std::vector<i64>{-7});
  CHECK(elements<i32>(parsed(npy("<i4", "(1,)", bytes_of_numbers<i32>({-7}))).tensor) == std::vector<i32>{-7});
  CHECK(elements<i8>(parsed(npy("|i1", "(1,)", "\xff")).tensor) == std::vector<i8>{-1});
  CHECK(elements<u8>(parsed(npy("|u1", "(1,)", "\xff")).tensor) == std::vector<u8>{255});
  CHECK(parsed(npy("|b1", "(2,)", std::string("\0\1", 2))).tensor.type_text() == "bool[2]");
  CHECK(parsed(npy("<f2", "(1,)", "ab")).tensor.type_text() == "f16[1]");
  auto const narrow = parsed(npy("<i2", "(2,)", bytes_of_numbers<i16>({-3, 300})));
  CHECK(elements<i32>(narrow.tensor) == std::vector<i32>{-3, 300});
  CHECK(narrow.note == "a.npy: '<i2' is read as i32");
  CHECK(elements<i32>(parsed(npy("<u2", "(1,)", "\xff\xff")).tensor) == std::vector<i32>{65535});
  CHECK(elements<i64>(parsed(npy("<u4", "(1,)", "\xff\xff\xff\xff")).tensor) == std::vector<i64>{4294967295});
  CHECK(elements<i64>(parsed(npy("<u8", "(1,)", bytes_of_numbers<u64>({5}))).tensor) == std::vector<i64>{5});
  CHECK(error_of([] { parsed(npy("<u8", "(1,)", std::string(8, '\xff'))); }) ==
        "a.npy: element 0 is 18446744073709551615, which is too large for an i64");
  CHECK(elements<i32>(parsed(npy(">i4", "(1,)", std::string("\0\0\1\2", 4))).tensor) == std::vector<i32>{258});
  CHECK(elements<f32>(parsed(npy(">f4", "(1,)", std::string("\x3f\x80\0\0", 4))).tensor) == std::vector<f32>{1});
  CHECK(elements<i32>(parsed(npy(">i2", "(1,)", std::string("\1\2", 2))).tensor) == std::vector<i32>{258});
  for (int version : {2, 3}) CHECK(parsed(npy("<f4", "(1,)", "abcd", false, version)).tensor.type_text() == "f32[1]");
}

TEST_CASE("an array in the order of Fortran is turned") {
  auto const array = parsed(npy("<i4", "(2, 3)", bytes_of_numbers<i32>({1, 4, 2, 5, 3, 6}), true));
  CHECK(elements<i32>(array.tensor) == std::vector<i32>{1, 2, 3, 4, 5, 6});
  // [i,j,k] = 100 i + 10 j + k, k slowest
  std::vector<i16> numbers;
  for (int k = 0; k < 2; ++k)
    for (int j = 0; j < 3; ++j)
      for (int i = 0; i < 2; ++i) numbers.push_back(static_cast<i16>(100 * i + 10 * j + k));
  auto const cube = elements<i32>(parsed(npy("<i2", "(2, 3, 2)", bytes_of_numbers(numbers), true)).tensor);
  CHECK(cube == std::vector<i32>{0, 1, 10, 11, 20, 21, 100, 101, 110, 111, 120, 121});
}

TEST_CASE("texts of numpy are categories") {
  std::string data;
  for (char const* word : {"dog", "cat", "dog"})
    for (int i = 0; i < 4; ++i) put(data, i < 3 ? static_cast<u64>(word[i]) : 0, 4);
  auto const array = parsed(npy("<U4", "(3,)", data));
  CHECK(array.encoding.names == std::vector<std::string>{"cat", "dog"});
  CHECK(elements<i32>(array.tensor) == std::vector<i32>{1, 0, 1});
  auto const bytes = parsed(npy("|S2", "(2,)", std::string("b\0ab", 4)));
  CHECK(bytes.encoding.names == std::vector<std::string>{"ab", "b"});
}

TEST_CASE("what is no array of numbers is refused with its reason") {
  auto const refused = [](std::string const& file) { return error_of([&] { parsed(file); }); };
  CHECK(refused("hello") == "a.npy: expected an NPY file, which begins with \\x93NUMPY, found 'hello'");
  CHECK(refused(npy("|O", "(1,)", "x")) == "a.npy: an array of Python objects, which only Python can read");
  CHECK(refused(npy("<c8", "(1,)", "12345678")) == "a.npy: elements of numpy's type '<c8', expected numbers, bools or texts");
  CHECK(refused(npy("<f4", "()", "abcd")) == "a.npy: a single number, expected an array whose first axis is the examples");
  CHECK(refused(npy("<f4", "(2,)", "abcd")) == "a.npy: the header promises 2 elements of 4 bytes, and the file has 4 bytes for them");
  CHECK(refused(npy("<f4", "(9223372036854775807, 9)", "abcd")) ==
        "a.npy: the header promises too many elements of 4 bytes, and the file has 4 bytes for them");
  CHECK(refused(npy("|b1", "(1,)", "\2")) == "a.npy: a bool that is 2");
  CHECK(refused(npy("<f4", "(1", "abcd")).starts_with("a.npy: the NPY header is damaged: expected an extent at byte "));
  auto records = npy("<f4", "(1,)", "abcd");
  records.replace(records.find("'<f4'"), 5, "[('x'");
  CHECK(refused(records) == "a.npy: an array of records, expected one of numbers");
  auto const good = npy("<f4", "(1,)", "abcd");
  for (size_t size = 0; size < good.size(); ++size) CHECK(refused(good.substr(0, size)) != "no error");
}

TEST_CASE("archives of numpy: columns, and splits by their names") {
  Desk const desk;
  auto const x = npy("<f4", "(2, 1)", bytes_of_numbers<f32>({1, 2})), y = npy("<i8", "(2,)", bytes_of_numbers<i64>({0, 1}));
  for (bool deflated : {false, true}) {
    auto const path = desk.scratch.write("a.npz", zip({{"x.npy", x, deflated}, {"y.npy", y, deflated}})).string();
    auto const set = load_dataset(path);
    REQUIRE(set.train.columns.size() == 2);
    CHECK(set.train.columns[0].tensor.type_text() == "f32[2,1]");
    CHECK(set.properties.at("classes") == 2); // a last column of integers is the target
    CHECK(load_dataset("image=" + path + ":x,label=" + path + ":y").train.column("label")->as<i64>()[1] == 1);
    CHECK(error_in(desk.scratch, [&] { load_dataset("image=" + path); }) == "a.npz holds 2 arrays, and 'image' is one column");
    CHECK(error_in(desk.scratch, [&] { load_dataset(path + ":z"); }) == "a.npz has no array 'z'");
  }
  auto const split = desk.scratch.write("b.npz", zip({{"x_train.npy", x}, {"y_train.npy", y}, {"x_test.npy", x}, {"y_test.npy", y}}));
  auto const set = load_dataset(split.string());
  CHECK(set.train.columns[1].name == "y");
  CHECK(set.test.examples == 2);
  desk.scratch.write("c/x_train.npy", x);
  desk.scratch.write("c/x_test.npy", x);
  CHECK(load_dataset((desk.scratch / "c").string()).test.column("x") != nullptr);
}

TEST_CASE("archives that are damaged, or packed by what nnc does not know") {
  auto const good = zip({{"x.npy", std::string(300, 'a'), true}, {"y.npy", "abc", false}});
  auto const refused = [](std::string const& file) {
    return error_of([&] { read_zip(bytes_of_text(file), "a.npz", nullptr); });
  };
  CHECK(refused(good) == "no error");
  for (size_t size = 0; size < good.size(); ++size) CHECK(refused(good.substr(0, size)) != "no error");
  auto changed = good;
  changed[good.find("abc")] = 'b';
  CHECK(refused(changed) == "a.npz: the checksum of 'y.npy' is wrong");
  auto method = good;
  method[method.rfind("PK\1\2") + 10] = 12;
  CHECK(refused(method) == "a.npz: 'y.npy' is packed by method 12, expected 0 (stored) or 8 (deflate)");
  auto secret = good;
  secret[secret.rfind("PK\1\2") + 8] = 1;
  CHECK(refused(secret) == "a.npz: 'y.npy' is encrypted");
  CHECK(refused(zip({{"x", "a"}, {"x", "b"}})) == "a.npz: two entries are called 'x'");
  // More than deflate can give out of these bytes.
  auto bomb = good;
  auto const at = bomb.find("PK\1\2") + 24;
  for (int i = 0; i < 4; ++i) bomb[at + static_cast<size_t>(i)] = "\xf0\xff\xff\x7f"[i];
  CHECK(refused(bomb) == "a.npz: the ZIP archive is damaged or truncated");
}
