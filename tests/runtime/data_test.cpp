// Data sets: IDX files, plain and packed, the built-in sets, and everything that can be wrong with them.
#include "runtime/bytes.h"
#include "runtime/data/dataset.h"
#include "runtime/data/embedded.h"
#include "runtime/data/idx.h"
#include "runtime/sha256.h"
#include "tests/runtime/scratch.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <fstream>
#include <zlib.h>

using namespace nnc;
using namespace nnc::test;
using namespace std::string_literals;

namespace {

std::string big_endian(u32 value) {
  return {static_cast<char>(value >> 24), static_cast<char>(value >> 16), static_cast<char>(value >> 8),
          static_cast<char>(value)};
}

// An IDX file of this element type whose elements are the bytes of `data`.
std::string idx(char type, std::vector<u32> const& extents, std::string const& data) {
  std::string text{0, 0, type, static_cast<char>(extents.size())};
  for (u32 extent : extents) text += big_endian(extent);
  return text + data;
}

std::string counting(size_t count) {
  std::string text;
  for (size_t i = 0; i < count; ++i) text += static_cast<char>(i * 7);
  return text;
}

std::string gzip(std::string const& text) {
  z_stream z{};
  REQUIRE(deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) == Z_OK);
  std::string packed(deflateBound(&z, text.size()) + 32, '\0');
  z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  z.avail_in = static_cast<uInt>(text.size());
  z.next_out = reinterpret_cast<Bytef*>(packed.data());
  z.avail_out = static_cast<uInt>(packed.size());
  REQUIRE(deflate(&z, Z_FINISH) == Z_STREAM_END);
  packed.resize(z.total_out);
  deflateEnd(&z);
  return packed;
}

// A small set under the four names: 6 and 4 images of 2x3 pixels.
void write_small_set(Scratch const& scratch, std::string const& folder, std::string const& ending = "") {
  auto pack = [&](std::string const& text) { return ending == ".gz" ? gzip(text) : text; };
  scratch.write(folder + "/train-images-idx3-ubyte" + ending, pack(idx(8, {6, 2, 3}, counting(36))));
  scratch.write(folder + "/train-labels-idx1-ubyte" + ending, pack(idx(8, {6}, "\0\1\2\3\1\2"s)));
  scratch.write(folder + "/t10k-images-idx3-ubyte" + ending, pack(idx(8, {4, 2, 3}, counting(24))));
  scratch.write(folder + "/t10k-labels-idx1-ubyte" + ending, pack(idx(8, {4}, "\3\2\1\0"s)));
}

// No set is found by chance in the surroundings of the test.
struct Isolated {
  Scratch scratch;
  Environment cache{"XDG_CACHE_HOME", (scratch / "cache").string()};
  Environment data{"NNC_DATA", std::nullopt};
};

} // namespace

TEST_CASE("an IDX file becomes a tensor of its type") {
  Scratch scratch;
  auto const bytes = read_idx(scratch.write("a.idx", idx(0x08, {2, 3}, "\1\2\3\4\5\377"s)));
  CHECK(bytes.type_text() == "u8[2,3]");
  CHECK(bytes.as<u8>()[5] == 255);
  auto const signed_bytes = read_idx(scratch.write("b.idx", idx(0x09, {1}, "\377"s)));
  CHECK(signed_bytes.as<i8>()[0] == -1);
  auto const shorts = read_idx(scratch.write("c.idx", idx(0x0B, {2}, "\377\376\1\0"s)));
  CHECK(shorts.type_text() == "i32[2]");
  CHECK(shorts.as<i32>()[0] == -2);
  CHECK(shorts.as<i32>()[1] == 256);
  auto const ints = read_idx(scratch.write("d.idx", idx(0x0C, {1}, "\0\1\2\3"s)));
  CHECK(ints.as<i32>()[0] == 0x00010203);
  auto const floats = read_idx(scratch.write("e.idx", idx(0x0D, {1}, "\x3f\xc0\0\0"s)));
  CHECK(floats.as<f32>()[0] == 1.5f);
  auto const doubles = read_idx(scratch.write("f.idx", idx(0x0E, {1}, "\xc0\x04\0\0\0\0\0\0"s)));
  CHECK(doubles.as<f64>()[0] == -2.5);
}

TEST_CASE("an IDX file that is not what it says is refused in its own words") {
  Scratch scratch;
  auto error = [&](std::string const& content) {
    return error_in(scratch, [&] { read_idx(scratch.write("a.idx", content)); });
  };
  CHECK(error("") == "a.idx: expected an IDX file, found 0 bytes");
  CHECK(error("PNG.") == "a.idx: expected an IDX file, which begins with two zero bytes, found 0x504e");
  CHECK(error("\0\0\7\1"s + big_endian(1) + "x") ==
        "a.idx: unknown IDX element type 0x07, expected 0x08, 0x09 or 0x0b to 0x0e");
  CHECK(error(idx(8, {}, "x")) == "a.idx: expected an IDX file with at least one dimension, found none");
  CHECK(error("\0\0\x8\3\0\0\0\2"s) ==
        "a.idx: the IDX header of rank 3 takes 16 bytes, and the file ends after 8 bytes");
  CHECK(error(idx(8, {2, 3}, "12345")) ==
        "a.idx: the header promises u8[2,3], 18 bytes in all, and the file has 17 bytes");
  CHECK(error(idx(8, {2, 3}, "1234567")) ==
        "a.idx: the header promises u8[2,3], 18 bytes in all, and the file has 19 bytes");
  CHECK(error(idx(8, {0xffffffff, 0xffffffff}, "")) ==
        "a.idx: the header promises u8[4294967295,4294967295], which is too large");
  CHECK(error(idx(0x0E, {0x7fffffff, 0x7fffffff}, "")) ==
        "a.idx: the header promises f64[2147483647,2147483647], which is too large");
  CHECK(error_in(scratch, [&] { read_idx(scratch / "none.idx"); }) ==
        "none.idx: cannot open: no such file or directory");
  CHECK(error_of([] { read_idx("/dev/null"); }) == "/dev/null: is not a regular file");
}

TEST_CASE("a packed IDX file is unpacked once and then mapped from the cache") {
  Isolated here;
  auto const path = here.scratch.write("a.idx.gz", gzip(idx(8, {100, 28}, counting(2800))));
  CHECK(read_idx(path).type_text() == "u8[100,28]");
  std::vector<std::filesystem::path> cached;
  for (auto const& entry : std::filesystem::directory_iterator(here.scratch / "cache/nnc/unpacked"))
    cached.push_back(entry.path());
  REQUIRE(cached.size() == 1);
  // The second reading sees the cache: a byte that is changed there is what comes back.
  auto content = content_of(cached[0]);
  content.back() = 77;
  here.scratch.write("cache/nnc/unpacked/" + cached[0].filename().string(), content);
  CHECK(read_idx(path).as<u8>()[2799] == 77);
  // A damaged copy is made anew.
  here.scratch.write("cache/nnc/unpacked/" + cached[0].filename().string(), content.substr(0, 50));
  CHECK(read_idx(path).as<u8>()[2799] == static_cast<u8>(2799 * 7));
}

TEST_CASE("without a cache a packed file is unpacked in memory") {
  Scratch scratch;
  Environment const cache("XDG_CACHE_HOME", std::nullopt), home("HOME", std::nullopt);
  auto const path = scratch.write("a.idx.gz", gzip(idx(8, {3}, "abc")));
  CHECK(read_idx(path).as<u8>()[2] == 'c');
}

TEST_CASE("several gzip members are one file") {
  Isolated here;
  auto const text = idx(8, {4}, "abcd");
  auto const path = here.scratch.write("a.idx.gz", gzip(text.substr(0, 5)) + gzip(text.substr(5)));
  CHECK(read_idx(path).as<u8>()[3] == 'd');
}

TEST_CASE("corrupt gzip is an error") {
  Isolated here;
  auto error = [&](std::string const& content) {
    return error_in(here.scratch, [&] { read_idx(here.scratch.write("a.idx.gz", content)); });
  };
  auto const good = gzip(idx(8, {3000}, counting(3000)));
  CHECK(error("") == "a.idx.gz: the packed data end too early");
  CHECK(error("not gzip at all") == "a.idx.gz: the packed data are corrupt (incorrect header check)");
  CHECK(error(good.substr(0, good.size() / 2)) == "a.idx.gz: the packed data end too early");
  CHECK(error(good + "x") == "a.idx.gz: the packed data end too early");
  CHECK(error(good + "more") == "a.idx.gz: the packed data are corrupt (incorrect header check)");
  auto flipped = good;
  flipped[flipped.size() - 6] ^= 1; // the checksum
  CHECK(error(flipped) == "a.idx.gz: the packed data are corrupt (incorrect data check)");
}

TEST_CASE("a packed file may not hold more than its header promises, however much that is") {
  Isolated here;
  auto error = [&](std::string const& content) {
    return error_in(here.scratch, [&] { read_idx(here.scratch.write("a.idx.gz", gzip(content))); });
  };
  CHECK(error(idx(8, {3}, std::string(50'000'000, '\0'))) ==
        "a.idx.gz: the header promises u8[3], 11 bytes in all, and the file has more");
  CHECK(error(idx(8, {3000}, std::string(3001, '\0'))) ==
        "a.idx.gz: the header promises u8[3000], 3008 bytes in all, and the file has more");
  CHECK(error(idx(8, {0xffffffff, 1000}, "abc")) ==
        "a.idx.gz: the header promises u8[4294967295,1000], 4294967295012 bytes in all, and the file has 15 bytes");
}

TEST_CASE("whatever is done to a file, reading it works or is an Error") {
  Isolated here;
  auto const plain = idx(8, {3, 4}, counting(12));
  auto const packed = gzip(plain);
  int refused = 0;
  auto attempt = [&](std::string const& name, std::string const& content) {
    auto const text = error_of([&] { read_idx(here.scratch.write(name, content)); });
    refused += text != "no error";
  };
  for (size_t length = 0; length < plain.size(); ++length) attempt("a.idx", plain.substr(0, length));
  for (size_t length = 0; length < packed.size(); ++length) attempt("a.idx.gz", packed.substr(0, length));
  CHECK(refused == static_cast<int>(plain.size() + packed.size())); // no beginning of a file is a file
  for (size_t bit = 0; bit < 8 * plain.size(); ++bit) {
    auto changed = plain;
    changed[bit / 8] ^= static_cast<char>(1 << bit % 8);
    attempt("a.idx", changed);
  }
  for (size_t bit = 0; bit < 8 * packed.size(); ++bit) {
    auto changed = packed;
    changed[bit / 8] ^= static_cast<char>(1 << bit % 8);
    attempt("a.idx.gz", changed);
  }
}

TEST_CASE("a folder with the four names is a data set, plain or packed") {
  Isolated here;
  for (std::string ending : {"", ".gz"}) {
    write_small_set(here.scratch, "set" + ending, ending);
    auto const set = load_dataset((here.scratch / ("set" + ending)).string());
    CHECK(set.train.examples == 6);
    CHECK(set.test.examples == 4);
    REQUIRE(set.train.columns.size() == 2);
    CHECK(set.train.columns[0].name == "image");
    CHECK(set.train.columns[0].tensor.type_text() == "u8[6,2,3]");
    CHECK(set.train.columns[1].name == "label");
    CHECK(set.train.columns[1].tensor.type_text() == "i32[6]");
    CHECK(std::ranges::equal(set.test.column("label")->as<i32>(), std::vector<i32>{3, 2, 1, 0}));
    CHECK(set.properties.at("classes") == 4);
    CHECK(set.summary() == set.name + ": 6 training and 4 test examples from " + set.name);
  }
}

TEST_CASE("classes.txt beside the files of a folder names the classes") {
  Isolated here;
  write_small_set(here.scratch, "set");
  auto const folder = (here.scratch / "set").string();
  CHECK(load_dataset(folder).class_names.empty());
  std::ofstream(here.scratch / "set/classes.txt") << "a coat\r\nbag\n\nboot\n\n";
  auto const set = load_dataset(folder);
  CHECK(set.class_names == std::vector<std::string>{"a coat", "bag", "", "boot"});
  CHECK(std::ranges::count(set.files, folder + "/classes.txt") == 1);
}

TEST_CASE("a folder without the test files has a training split only") {
  Isolated here;
  write_small_set(here.scratch, "set");
  std::filesystem::remove(here.scratch / "set/t10k-images-idx3-ubyte");
  auto const folder = (here.scratch / "set").string();
  CHECK(error_in(here.scratch, [&] { load_dataset(folder); }) ==
        "set: expected a file t10k-images-idx3-ubyte or t10k-images-idx3-ubyte.gz there, found neither");
  std::filesystem::remove(here.scratch / "set/t10k-labels-idx1-ubyte");
  CHECK(load_dataset(folder).test.examples == 0);
  CHECK(load_dataset(folder).summary() == folder + ": 6 examples from " + folder);
}

TEST_CASE("named files are columns in the order in which they are named") {
  Isolated here;
  auto const images = here.scratch.write("x.idx", idx(8, {2, 2, 2}, counting(8))).string();
  auto const labels = here.scratch.write("y.idx", idx(8, {2}, "\1\2"s)).string();
  auto const set = load_dataset("picture=" + images + ",label=" + labels);
  CHECK(set.train.examples == 2);
  CHECK(set.test.examples == 0);
  CHECK(set.train.columns[0].name == "picture");
  CHECK(set.train.column("label")->as<i32>()[1] == 2);
  CHECK(error_of([&] {
          load_dataset("picture=" + images + ",y");
        }).starts_with("unknown data set 'y'"));
  CHECK(
      error_of([&] { load_dataset("a=" + images + ",a=" + labels); }) == "the column 'a' is given twice");
}

TEST_CASE("columns must fit each other and have an example") {
  Isolated here;
  auto file = [&](std::string const& name, std::vector<u32> const& extents) {
    u32 size = 1;
    for (u32 extent : extents) size *= extent;
    return here.scratch.write(name, idx(8, extents, counting(size))).string();
  };
  auto error = [&](std::string const& words) { return error_in(here.scratch, [&] { load_dataset(words); }); };
  CHECK(error("image=" + file("x.idx", {3, 2}) + ",label=" + file("y.idx", {4})) ==
        "x.idx has 3 examples, and y.idx has 4: the columns of a data set must have the same number");
  CHECK(error("image=" + file("z.idx", {0, 2})) == "z.idx: has no examples");
  write_small_set(here.scratch, "set");
  here.scratch.write("set/t10k-images-idx3-ubyte", idx(8, {4, 2, 2}, counting(16)));
  CHECK(error((here.scratch / "set").string()) ==
        "set: an example of 'image' is u8[2,3] in the training set and u8[2,2] in the test set");
  here.scratch.write("set/t10k-images-idx3-ubyte", idx(8, {4, 2, 3}, counting(24)));
  here.scratch.write("set/train-labels-idx1-ubyte", idx(8, {6, 1}, counting(6)));
  CHECK(error((here.scratch / "set").string()) ==
        "set/train-labels-idx1-ubyte: expected one label per example, found u8[6,1]");
}

TEST_CASE("words that name no data set") {
  Isolated here;
  try {
    load_dataset("mnst");
    FAIL("mnst was found");
  } catch (Error const& error) {
    CHECK(error.what() == "unknown data set 'mnst'"s);
    CHECK(error.diagnostics[0].help == "did you mean 'mnist'?");
  }
  CHECK(error_in(here.scratch, [&] { load_dataset((here.scratch / "none").string()); }) == "none: no such file or folder");
  auto const file = here.scratch.write("a.txt2", "x").string();
  CHECK(error_in(here.scratch, [&] { load_dataset(file); }) == "a.txt2: is in no format that nnc reads");
}

TEST_CASE("mnist is taken from --data, then $NNC_DATA, then the cache, then the command itself") {
  Isolated here;
  auto const embedded = load_dataset("mnist");
  CHECK(embedded.summary() == "mnist: 5000 training and 1000 test examples from the command itself; nnc-fetch-data "
                              "mnist fetches the full set");
  CHECK(embedded.train.column("image")->type_text() == "u8[5000,28,28]");
  CHECK(embedded.train.column("label")->type_text() == "i32[5000]");
  CHECK(embedded.properties.at("classes") == 10);

  write_small_set(here.scratch, "cache/nnc/mnist");
  CHECK(load_dataset("mnist").from == (here.scratch / "cache/nnc/mnist").string());
  write_small_set(here.scratch, "data/mnist");
  Environment const data("NNC_DATA", (here.scratch / "data").string());
  CHECK(load_dataset("mnist").from == (here.scratch / "data/mnist").string());
  write_small_set(here.scratch, "named");
  CHECK(load_dataset("mnist", {.folder = here.scratch / "named"}).from == (here.scratch / "named").string());
  CHECK(load_dataset("mnist", {.folder = here.scratch / "data"}).from == (here.scratch / "data/mnist").string());
}

TEST_CASE("an incomplete set is passed over in the usual places, and is an error where the user pointed at it") {
  Isolated here;
  write_small_set(here.scratch, "cache/nnc/mnist");
  std::filesystem::remove(here.scratch / "cache/nnc/mnist/t10k-labels-idx1-ubyte");
  CHECK(load_dataset("mnist").from == "the command itself");
  CHECK(error_in(here.scratch, [&] { load_dataset("mnist", {.folder = here.scratch / "cache/nnc/mnist"}); }) ==
        "cache/nnc/mnist: expected a file t10k-labels-idx1-ubyte or t10k-labels-idx1-ubyte.gz there, found neither");
  CHECK(error_in(here.scratch, [&] { load_dataset("mnist", {.folder = here.scratch / "none"}); }) == "none: is not a folder");
}

TEST_CASE("the embedded digits are the ones that were chosen") {
  auto const digits = embedded_digits();
  Sha256 hash;
  for (auto const& tensor : digits) hash.update(tensor.bytes());
  CHECK(hash.hex() == "8f17f76cdbf3856a5b7263d7580cd3c00bbc916fdf58030dd60e52ff086d5d34");
  auto const labels = digits[1].as<u8>();
  for (u8 digit = 0; digit < 10; ++digit) CHECK(std::ranges::count(labels, digit) > 400);
  CHECK(std::ranges::max(labels) == 9);
}

TEST_CASE("fashion is Debian's package") {
  Isolated here;
  if (!std::filesystem::exists("/usr/share/datasets/fashion-mnist")) {
    CHECK(error_of([] { load_dataset("fashion"); }) ==
          "the data set 'fashion' is not in /usr/share/datasets/fashion-mnist");
    return;
  }
  auto const set = load_dataset("fashion");
  CHECK(set.summary() == "fashion: 60000 training and 10000 test examples from /usr/share/datasets/fashion-mnist");
  CHECK(set.train.column("image")->type_text() == "u8[60000,28,28]");
  CHECK(set.properties.at("classes") == 10);
  CHECK(set.class_names.size() == 10);
  CHECK(set.class_names[9] == "Ankle boot");
}

TEST_CASE("a part of a split shares its bytes") {
  Isolated here;
  write_small_set(here.scratch, "set");
  auto const set = load_dataset((here.scratch / "set").string());
  auto const part = set.train.rows(2, 3);
  CHECK(part.examples == 3);
  CHECK(part.column("image")->type_text() == "u8[3,2,3]");
  CHECK(part.column("image")->bytes().data() == set.train.column("image")->bytes().data() + 2 * 6);
  CHECK(std::ranges::equal(part.column("label")->as<i32>(), std::vector<i32>{2, 3, 1}));
}
