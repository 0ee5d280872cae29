// What the library itself costs a host: microseconds per call and per step of a net so small that nothing else counts.
//
//     cmake --build --preset release --target bench_embedding && build/release/bench_embedding
//
// Rows: the object of the net alone, a bound run and step, run and step, and training on 80,000 examples in batches of
// 8, from arrays and from files in turns. The least of 7 rounds each.
#include "net.h" // of embedding.nn, by nnc --emit object
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

// The net without the library.
class Object {
public:
  Object() { net_initialize(&net_); }
  void run(float const* x, float* probs) {
    net_inputs const inputs{x};
    net_outputs const outputs{probs};
    (void)net_run(&net_, &inputs, 1, &outputs);
  }
  void step(float const* x, std::int32_t const* label) {
    net_data const data{x, label, 1};
    std::int32_t const row = 0;
    auto report = net_train_zero();
    (void)net_train(&net_, &data, &row, 1, 1, &report);
  }

private:
  net_parameters parameters_{};
  net_optimizer optimizer_{};
  std::vector<char> memory_ = std::vector<char>(1 << 20);
  net_net net_ = net_make(&parameters_, &optimizer_, memory_.data(), static_cast<std::int64_t>(memory_.size()));
};

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
  nnc::Session session(nnc::Program::from_file(NNC_NET), one);
  std::vector<float> probs(3);
  nnc::Input const in_x{"x", nnc::View<float const>(x.data(), 4)};
  nnc::Input const in_label{"label", nnc::View<std::int32_t const>(label.data(), 1)};
  auto run = session.bind_run({in_x}, {{"probs", probs}}, 1);
  auto step = session.bind_step({in_x, in_label}, 1);
  nnc::TrainOptions epoch;
  epoch.more_epochs = 1;

  Object object;
  Least rows[] = {{"object's run, batch 1"},    {"object's step, batch 1"}, {"bound run, batch 1"},
                  {"bound step, batch 1"},      {"run, batch 1"},           {"step, batch 1"},
                  {"train on arrays, batch 8"}, {"train on files, batch 8"}};
  for (int round = 0; round < 7; ++round) {
    double const now[] = {per_call(200'000, [&] { object.run(x.data(), probs.data()); }),
                          per_call(200'000, [&] { object.step(x.data(), label.data()); }),
                          per_call(200'000, [&] { run(); }),
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
