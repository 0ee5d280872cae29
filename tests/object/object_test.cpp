// A host that has nothing but what `nnc --emit object` has made of product.ir: product.o and product.h.
//
//     p = 3 x @ w;  y = p + the sum of its rows
#include "product.h"

#include <doctest/doctest.h>

#include <cstdlib>
#include <cstring>
#include <memory>
#include <pthread.h>
#include <sched.h>
#include <vector>

namespace {

constexpr int64_t depth = 300, columns = 64;

// Small integers, so that every sum is exact.
std::vector<float> numbers(int64_t count) {
  std::vector<float> out(static_cast<size_t>(count));
  for (size_t i = 0; i < out.size(); ++i) out[i] = static_cast<float>(static_cast<int>(i * 7 % 5) - 2);
  return out;
}

std::vector<float> expected(std::vector<float> const& x, std::vector<float> const& w, int64_t batch) {
  std::vector<float> y(static_cast<size_t>(batch * columns));
  for (int64_t n = 0; n < columns; ++n) {
    float all = 0;
    for (int64_t b = 0; b < batch; ++b) {
      float sum = 0;
      for (int64_t k = 0; k < depth; ++k)
        sum += 3 * x[static_cast<size_t>(b * depth + k)] * w[static_cast<size_t>(k * columns + n)];
      y[static_cast<size_t>(b * columns + n)] = sum;
      all += sum;
    }
    for (int64_t b = 0; b < batch; ++b) y[static_cast<size_t>(b * columns + n)] += all;
  }
  return y;
}

struct Member {
  nnc_context* context;
  int32_t number;
};

void* run(void* argument) {
  auto const& member = *static_cast<Member*>(argument);
  product_call_product(member.context, member.number, 1, 1);
  return nullptr;
}

// All members on threads of this stack.
void on_small_stacks(int64_t batch, int32_t threads, size_t stack) {
  auto x = numbers(batch * depth), w = numbers(depth * columns);
  std::vector<float> y(static_cast<size_t>(batch * columns));
  void* arguments[] = {x.data(), w.data()};
  void* results[] = {y.data()};
  constexpr size_t guard = 4096;
  auto const size = static_cast<size_t>(product_arena_product(batch, threads));
  std::unique_ptr<void, decltype(&std::free)> const arena(std::aligned_alloc(64, (size + guard + 63) / 64 * 64),
                                                          &std::free);
  std::memset(arena.get(), 0xFF, size + guard);
  nnc_report report{};
  nnc_barrier barrier{};
  nnc_context context{};
  context.version = NNC_ABI_VERSION;
  context.threads = threads;
  context.arguments = arguments;
  context.results = results;
  context.arena = arena.get();
  context.batch = batch;
  context.report = &report;
  context.barrier = &barrier;
  context.wait = [](nnc_context*, int32_t) { sched_yield(); };
  context.wake = [](nnc_context*) {};

  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  REQUIRE(pthread_attr_setstacksize(&attributes, stack) == 0);
  std::vector<Member> members;
  for (int32_t i = 0; i < threads; ++i) members.push_back({&context, i});
  std::vector<pthread_t> ids(members.size());
  for (size_t i = 0; i < ids.size(); ++i) REQUIRE(pthread_create(&ids[i], &attributes, run, &members[i]) == 0);
  for (auto id : ids) pthread_join(id, nullptr);
  pthread_attr_destroy(&attributes);

  auto const* end = static_cast<unsigned char const*>(arena.get()) + size;
  for (size_t i = 0; i < guard; ++i) REQUIRE(end[i] == 0xFF);
  CHECK(report.steps == 1);
  CHECK(y == expected(x, w, batch));
}

TEST_CASE("a context of another version is refused") {
  nnc_context context{};
  context.version = NNC_ABI_VERSION + 1;
  CHECK(product_call_product(&context, 0, 1, 1) == NNC_OTHER_VERSION);
  CHECK(product_supported() == 1);
  CHECK(product_interface() == PRODUCT_INTERFACE);
}

TEST_CASE("the object says how large its arena is, and needs little stack") {
  for (int64_t batch : {1, 37})
    for (int32_t threads : {1, 2, 3}) {
      CAPTURE(batch);
      CAPTURE(threads);
      on_small_stacks(batch, threads, size_t{32} * 1024);
    }
  CHECK(product_arena_product(37, 2) > product_arena_product(37, 1));
  CHECK(product_arena_product(370, 2) > product_arena_product(37, 2));
}

} // namespace
