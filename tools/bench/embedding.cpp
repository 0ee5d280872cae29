// What the library itself costs a host: microseconds per call and per step of a net so small that nothing else counts.
//
//     cmake --build --preset release --target bench_embedding && build/release/bench_embedding
//
// Rows: a bound run and step, run and step, and training on 80,000 examples in batches of 8, from arrays and from files
// in turns. The least of 7 rounds each.
#include "nnc/nnc.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <unistd.h>

namespace {

constexpr char const* net = R"(model net {
  input  x: f32[batch, 4]
  target label: i32[batch]
  logits = x |> dense(8) |> relu |> dense(3)
  output probs = softmax(logits)
  loss   cross_entropy(logits, label)
}
train net { minimize loss with adam(lr = 0.001); batch = 8; epochs = 1 }
)";

constexpr std::int64_t examples = 80'000;

using Clock = std::chrono::steady_clock;

template <class Action>
double microseconds(std::int64_t count, Action&& action) {
  auto const start = Clock::now();
  action();
  return std::chrono::duration<double, std::micro>(Clock::now() - start).count() / static_cast<double>(count);
}

template <class Call>
double per_call(std::int64_t count, Call&& call) {
  return microseconds(count, [&] {
    for (std::int64_t i = 0; i < count; ++i) call();
  });
}

// An IDX file of numbers of four bytes.
template <class T>
void write_idx(std::filesystem::path const& path, char code, std::vector<std::uint32_t> const& shape,
               std::vector<T> const& elements) {
  std::ofstream file(path, std::ios::binary);
  auto const put = [&](std::uint32_t bits) {
    for (int shift = 24; shift >= 0; shift -= 8) file.put(static_cast<char>(bits >> shift));
  };
  file.put(0).put(0).put(code).put(static_cast<char>(shape.size()));
  for (auto const extent : shape) put(extent);
  for (auto const element : elements) {
    std::uint32_t bits = 0;
    std::memcpy(&bits, &element, sizeof bits);
    put(bits);
  }
}

struct Least {
  char const* what;
  double value = 1e9;
};

} // namespace

int main() {
  std::vector<float> x(examples * 4);
  std::vector<std::int32_t> label(examples);
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = std::sin(0.37f * static_cast<float>(i));
  for (std::size_t i = 0; i < label.size(); ++i) label[i] = static_cast<std::int32_t>(i % 3);
  auto const folder = std::filesystem::temp_directory_path() / ("nnc-bench-" + std::to_string(::getpid()));
  std::filesystem::create_directory(folder);
  write_idx(folder / "x.idx", 0x0D, {examples, 4}, x);
  write_idx(folder / "label.idx", 0x0C, {examples}, label);
  auto const arrays = nnc::Data::from_columns({nnc::column("x", x, {4}), nnc::column("label", label)});
  auto const files = nnc::Data::open("x=" + (folder / "x.idx").string() + ",label=" + (folder / "label.idx").string());

  nnc::SessionOptions one;
  one.threads = 1;
  nnc::Session session(nnc::Program::from_text(net), one);
  std::vector<float> probs(3);
  nnc::Input const in_x{"x", nnc::View<float const>(x.data(), 4)};
  nnc::Input const in_label{"label", nnc::View<std::int32_t const>(label.data(), 1)};
  auto run = session.bind_run({in_x}, {{"probs", probs}}, 1);
  auto step = session.bind_step({in_x, in_label}, 1);
  nnc::TrainOptions epoch;
  epoch.more_epochs = 1;

  Least rows[] = {{"bound run, batch 1"}, {"bound step, batch 1"},      {"run, batch 1"},
                  {"step, batch 1"},      {"train on arrays, batch 8"}, {"train on files, batch 8"}};
  for (int round = 0; round < 7; ++round) {
    double const now[] = {per_call(200'000, [&] { run(); }),
                          per_call(200'000, [&] { step(); }),
                          per_call(50'000, [&] { (void)session.run({in_x}, 1); }),
                          per_call(50'000,
                                   [&] {
                                     (void)session.step({in_x, in_label}, 1);
                                   }),
                          microseconds(examples / 8, [&] { session.train(arrays, epoch); }),
                          microseconds(examples / 8, [&] { session.train(files, epoch); })};
    for (std::size_t i = 0; i < std::size(rows); ++i) rows[i].value = std::min(rows[i].value, now[i]);
  }
  for (auto const& row : rows) std::printf("%-26s %7.3f us\n", row.what, row.value);
  std::filesystem::remove_all(folder);
}
