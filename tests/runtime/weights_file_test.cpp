// Weights from files of others: other names, other layouts, narrower floats, and what is said of files that do not fit.
#include "tests/runtime/desk.h"

#include <array>
#include <bit>
#include <cstring>
#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

using namespace nnc;
using namespace nnc::test;

namespace {

struct Stored {
  std::string name, dtype; // "F32"
  std::vector<std::int64_t> shape;
  std::string bytes;
};

template <class T>
std::string bytes_of(std::vector<T> const& values) {
  std::string bytes(values.size() * sizeof(T), '\0');
  std::memcpy(bytes.data(), values.data(), bytes.size());
  return bytes;
}

// A safetensors file, written by hand.
std::string file_of(std::vector<Stored> const& tensors) {
  nlohmann::ordered_json header{{"__metadata__", {{"format", "pt"}}}};
  std::string data;
  for (auto const& stored : tensors) {
    header[stored.name] = {{"dtype", stored.dtype},
                           {"shape", stored.shape},
                           {"data_offsets", {data.size(), data.size() + stored.bytes.size()}}};
    data += stored.bytes;
  }
  auto const text = header.dump();
  std::string file;
  for (int i = 0; i < 8; ++i) file += static_cast<char>(static_cast<std::uint64_t>(text.size()) >> (8 * i));
  return file + text + data;
}

// torch.nn.Sequential of Linear(3, 4) and Linear(4, 2), as its state_dict names and lays them out.
std::vector<float> const first{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}, first_bias{-1, -2, -3, -4},
    second{.1F, .2F, .3F, .4F, .5F, .6F, .7F, .8F}, second_bias{9, 8};
std::vector<Stored> of_torch() {
  return {{"fc1.weight", "F32", {4, 3}, bytes_of(first)},
          {"fc1.bias", "F32", {4}, bytes_of(first_bias)},
          {"fc2.weight", "F32", {2, 4}, bytes_of(second)},
          {"fc2.bias", "F32", {2}, bytes_of(second_bias)}};
}

std::string const net = "model net { input x: f32[batch, 3]\n"
                        "  output y = x |> dense(4) @dense_1 |> relu |> dense(2) @dense_2 }\n";
std::vector<std::string> const rules{"fc*.weight=dense_*.weight^T", "fc*=dense_*"};

std::vector<float> values(Session const& session, std::string const& name) {
  auto const array = session.parameter(name);
  auto const view = array.as<float>();
  return {view.begin(), view.end()};
}

std::string without(std::string text, std::string const& part) {
  for (size_t at; (at = text.find(part)) != std::string::npos;) text.erase(at, part.size());
  return text;
}

// What loading says, with the file by its name alone.
std::string told(Scratch const& scratch, Session& session, std::vector<Stored> const& tensors,
                 std::vector<std::string> const& rename) {
  auto const file = scratch.write("w", file_of(tensors)).string();
  return without(failure_of([&] { session.load(file, {rename}); }), scratch.folder().string() + "/");
}

} // namespace

TEST_CASE("rules give the weights of a PyTorch file their names and their layout") {
  Scratch const scratch;
  auto const file = scratch.write("w", file_of(of_torch())).string();
  Session session(Program::from_text(net));
  session.load(file, {rules});
  CHECK(values(session, "dense_1.weight") == std::vector<float>{1, 4, 7, 10, 2, 5, 8, 11, 3, 6, 9, 12});
  CHECK(values(session, "dense_1.bias") == first_bias);
  CHECK(values(session, "dense_2.weight") == std::vector<float>{.1F, .5F, .2F, .6F, .3F, .7F, .4F, .8F});
  CHECK(values(session, "dense_2.bias") == second_bias);
  std::vector<float> const x{1, 1, 1};
  auto const y = session.run({{"x", x}}, 1)[0];
  std::array<float, 4> const hidden{5, 13, 21, 29};
  for (size_t i = 0; i < 2; ++i) {
    float expected = second_bias[i];
    for (size_t j = 0; j < 4; ++j) expected += second[4 * i + j] * hidden[j];
    CHECK(y.as<float>()[i] == doctest::Approx(expected).epsilon(1e-6));
  }
}

TEST_CASE("several stars, several matrices, and tensors that are left out") {
  Scratch const scratch;
  Session plain(Program::from_text("model m { input x: f32[batch, 3]\n  param w: f32[2, 3, 2] = 0\n"
                                   "  output y = x + sum(w) }"));
  CHECK(told(scratch, plain,
             {{"a.b.w", "F32", {2, 2, 3}, bytes_of(first)}, {"opt.step", "I64", {}, bytes_of(std::vector<i64>{7})}},
             {"a*b.*=*^T", "opt.*="})
            .find("2 * on the left and 1 on the right") != std::string::npos);
  CHECK(told(scratch, plain,
             {{"a.b.w", "F32", {2, 2, 3}, bytes_of(first)}, {"opt.step", "I64", {}, bytes_of(std::vector<i64>{7})}},
             {"a.b.*=*^T", "opt.*="}) == "no failure");
  CHECK(values(plain, "w") == std::vector<float>{1, 4, 2, 5, 3, 6, 7, 10, 8, 11, 9, 12});
}

TEST_CASE("stars stand for the same texts on both sides, as short as possible") {
  Scratch const scratch;
  Session session(Program::from_text("model net { input x: f32[batch, 3]\n"
                                     "  output y = dense(x, 4) @a_b_c }\n"));
  CHECK(told(scratch, session,
             {{"x.a.b.c.weight", "F32", {3, 4}, bytes_of(first)}, {"x.a.b.c.bias", "F32", {4}, bytes_of(first_bias)}},
             {"x.*.*.*.*=*_*_*.*"}) == "no failure");
  CHECK(told(scratch, session,
             {{"x.a_b.c.weight", "F32", {3, 4}, bytes_of(first)}, {"xa_b.c.bias", "F32", {4}, bytes_of(first_bias)}},
             {"x.*.*=*_*", "x*.*=*_*"}) // the first star of the second rule stands for a_b
            .find("'a_b_c.weight'") == std::string::npos);
}

TEST_CASE("narrower floats become wider ones, and nothing else is converted") {
  Scratch const scratch;
  Session session(Program::from_text("model m { input x: f32[batch]\n  param a: f32[2] = 0\n  param b: f32[2] = 0\n"
                                     "  param c: f64[2] = 0\n  param d: f64[2] = 0\n"
                                     "  output y = x + sum(a * b) + f32(sum(c * d)) }"));
  auto const bits = [](std::vector<u16> const& all) { return bytes_of(all); };
  std::vector<Stored> tensors{{"a", "F16", {2}, bits({0x3C00, 0x8001})},  // 1, -2^-24
                              {"b", "BF16", {2}, bits({0x3F80, 0xC0A0})}, // 1, -5
                              {"c", "F32", {2}, bytes_of(std::vector<float>{.1F, -3})},
                              {"d", "F16", {2}, bits({0x7BFF, 0xC500})}}; // 65504, -5
  REQUIRE(told(scratch, session, tensors, {}) == "no failure");
  CHECK(values(session, "a") == std::vector<float>{1, -0x1p-24F});
  CHECK(values(session, "b") == std::vector<float>{1, -5});
  CHECK(session.parameter("c").as<double>()[0] == double{.1F});
  CHECK(session.parameter("d").as<double>()[0] == 65504);
  tensors[0] = {"a", "F64", {2}, bytes_of(std::vector<double>{1, 2})};
  CHECK(contains(told(scratch, session, tensors, {}), "w: 'a' is f64[2], the program has f32[2]"));
}

TEST_CASE("all that does not fit is told at once, with the rules that were meant") {
  Scratch const scratch;
  Session session(Program::from_text(net));
  auto const before = session.digest();
  CHECK(told(scratch, session, of_torch(), {}) ==
        R"(error: w does not fit the program: 4 tensors are missing, 4 are surplus
note: w has no 'dense_1.weight' f32[3,4], which the program needs
note: w has no 'dense_1.bias' f32[4], which the program needs
note: w has no 'dense_2.weight' f32[4,2], which the program needs
note: w has no 'dense_2.bias' f32[2], which the program needs
note: w has 'fc1.weight' f32[4,3], which the program has not
note: w has 'fc1.bias' f32[4], which the program has not
note: w has 'fc2.weight' f32[2,4], which the program has not
note: w has 'fc2.bias' f32[2], which the program has not
help: LoadOptions::rename "fc1.weight=dense_1.weight^T" "fc1.bias=dense_1.bias" "fc2.weight=dense_2.weight^T" "fc2.bias=dense_2.bias"; ^T swaps the last two axes: [out, in], as PyTorch stores it)");
  CHECK(told(scratch, session, of_torch(), {"fc*=dense_*"}) ==
        R"(error: w does not fit the program: 2 have another type
note: w: 'dense_1.weight' is f32[4,3], the program has f32[3,4]
note: w: 'dense_2.weight' is f32[2,4], the program has f32[4,2]
help: LoadOptions::rename "dense_1.weight=dense_1.weight^T" "dense_2.weight=dense_2.weight^T"; ^T swaps the last two axes: [out, in], as PyTorch stores it)");
  auto more = of_torch();
  more.push_back({"fc9.weight", "F32", {1, 1}, bytes_of(std::vector<float>{1})});
  CHECK(told(scratch, session, more, rules) == "error: w has 'dense_9.weight' f32[1,1], which the program has not"
                                               "\nhelp: LoadOptions::rename \"dense_9.weight=\" leaves it out");
  CHECK(session.digest() == before);
  more[4].name = "gone.weight";
  CHECK(told(scratch, session, more, {rules[0], rules[1], "gone*="}) == "no failure");
}

TEST_CASE("rules that cannot be meant") {
  Scratch const scratch;
  Session session(Program::from_text(net));
  auto const refuses = [&](std::vector<std::string> const& rename, std::string const& expected) {
    auto const text = told(scratch, session, of_torch(), rename);
    CHECK_MESSAGE(contains(text, expected), text);
  };
  refuses({"fc1"}, "'fc1' is no rule FROM=TO");
  refuses({"=fc1"}, "'=fc1' is no rule FROM=TO");
  refuses({"fc1.weight=^T"}, "names nothing that is to be transposed");
  refuses({"fc*=dense"}, "has 1 * on the left and 0 on the right");
  refuses({"layer*=dense_*"}, "the rule 'layer*=dense_*' matches no tensor of w\nhelp: it has 'fc1.weight' f32[4,3], "
                              "'fc1.bias' f32[4], 'fc2.weight' f32[2,4], 'fc2.bias' f32[2]");
  refuses({"fc*=dense_*", "fc1.weight=dense_1.weight^T"}, "rules before it take all that it matches");
  refuses({"fc1.weight=fc2.weight"}, "'fc1.weight' and 'fc2.weight' both become 'fc2.weight'");
  refuses({"fc*=dense_*^T"}, "swaps the last two axes, and 'fc1.bias' of w is f32[4]");
}

TEST_CASE("what is fresh needs no tensor of the file; states are renamed as well") {
  Scratch const scratch;
  std::string const body = "model net { input x: f32[batch, 3]\n  target label: i32[batch]\n"
                           "  h = x |> dense(4) @dense_1 |> batch_norm\n"
                           "  loss cross_entropy(dense(h, 2) @dense_2, label) }\n";
  Session session(Program::from_text(body + "train net { fresh \"dense_2.*\"; minimize loss with sgd(0.1) }"));
  auto tensors = of_torch();
  tensors.resize(2);
  for (auto const* name : {"bn.weight", "bn.bias", "bn.running_mean", "bn.running_var"})
    tensors.push_back({name, "F32", {4}, bytes_of(std::vector<float>{1, 2, 3, static_cast<float>(tensors.size())})});
  tensors.push_back({"bn.num_batches_tracked", "I64", {}, bytes_of(std::vector<i64>{7})});
  CHECK(told(scratch, session, tensors,
             {rules[0], rules[1], "bn.weight=batch_norm.scale", "bn.bias=batch_norm.shift",
              "bn.running_*=batch_norm.running_*", "*.num_batches_tracked="}) == "no failure");
  CHECK(values(session, "batch_norm.running_var") == std::vector<float>{1, 2, 3, 5});
}

TEST_CASE("an average goes where its parameter goes") {
  Scratch const scratch;
  auto const text = [](std::string const& tag) {
    return "model net { input x: f32[batch, 2]; target y: f32[batch]\n  loss mean((dense(x, 1) @" + tag +
           ")[:, 0] - y) }\ntrain net { average with ema(); minimize loss with sgd(0.1) }";
  };
  auto const row = [](float a, float b) { return bytes_of(std::vector<float>{a, b}); };
  std::vector<Stored> const tensors{{"a.weight", "F32", {2, 1}, row(1, 2)},
                                    {"a.bias", "F32", {1}, bytes_of(std::vector<float>{3})},
                                    {"average/a.weight", "F32", {2, 1}, row(4, 5)},
                                    {"average/a.bias", "F32", {1}, bytes_of(std::vector<float>{6})}};
  Session session(Program::from_text(text("b")));
  CHECK(told(scratch, session, tensors, {"a.weight=b.weight", "a.bias=b.bias"}) == "no failure");
  CHECK(values(session, "b.weight") == std::vector<float>{1, 2});
  CHECK(values(session, "average/b.weight") == std::vector<float>{4, 5});
  CHECK(values(session, "average/b.bias") == std::vector<float>{6});
  CHECK(told(scratch, session, tensors, {"average/a.*=average/b.*", "a.*=b.*"}) == "no failure");
  CHECK(values(session, "average/b.weight") == std::vector<float>{4, 5});
  CHECK(told(scratch, session, tensors, {"average/*=", "a.*=b.*"}) == "no failure"); // they begin anew
  CHECK(values(session, "average/b.weight") == std::vector<float>{1, 2});
}

TEST_CASE("the command takes rules, for a session and for an object") {
  Desk const desk;
  desk.scratch().write("net.nn", net);
  desk.scratch().write("w", file_of(of_torch()));
  auto const plain = desk.nnc("net.nn --load w --digest");
  CHECK(plain.status == 1);
  CHECK_MESSAGE(contains(plain.err, "help: --rename \"fc1.weight=dense_1.weight^T\""), plain.err);
  auto const renamed =
      desk.nnc("net.nn --load w --rename 'fc*.weight=dense_*.weight^T' --rename 'fc*=dense_*' --digest "
               "--save own.safetensors");
  CHECK_MESSAGE(renamed.status == 0, renamed.err);
  auto const own = desk.nnc("net.nn --load own.safetensors --digest");
  CHECK(own.out == renamed.out);
  CHECK(desk.nnc("net.nn --load own.safetensors --emit object -o a.o && cp a.h a_h").status == 0);
  auto const object = desk.nnc("net.nn --load w --rename 'fc*.weight=dense_*.weight^T' --rename 'fc*=dense_*' "
                               "--emit object -o b.o");
  CHECK_MESSAGE(object.status == 0, object.err);
  CHECK(desk.content("a.o") == desk.content("b.o"));
  CHECK(contains(desk.nnc("net.nn --load w --emit object -o b.o").err, "4 tensors are missing"));
  auto const alone = desk.nnc("net.nn --rename a=b --digest");
  CHECK(alone.status == 2);
  CHECK(contains(alone.err, "--rename needs --load"));
}
