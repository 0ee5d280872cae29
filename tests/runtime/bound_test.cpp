// Bound calls, runs into the caller's memory, views of parameters, and weights that several sessions share.
#include "nnc/nnc.h"
#include "tests/runtime/models.h"

#include <doctest/doctest.h>

#include <atomic>
#include <cstdlib>
#include <new>
#include <thread>

using namespace nnc;
using namespace nnc::test;

#pragma GCC diagnostic ignored "-Wmismatched-new-delete" // inlined, these look like malloc beside delete
// Every allocation of C++ in this program is counted.
namespace {
std::atomic<std::int64_t> allocations{0};
}

void* operator new(std::size_t size) {
  ++allocations;
  if (void* const memory = std::malloc(size ? size : 1)) return memory;
  throw std::bad_alloc();
}
void* operator new[](std::size_t size) { return operator new(size); }
void* operator new(std::size_t size, std::nothrow_t const&) noexcept { // of std::stable_sort; ASan has one of its own
  ++allocations;
  return std::malloc(size ? size : 1);
}
void operator delete(void* memory, std::nothrow_t const&) noexcept { std::free(memory); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }

namespace {

bool says(std::string const& text, std::string const& words) { return text.find(words) != std::string::npos; }

std::string const two_outputs = R"(model m {
  input x: f32[batch, 3]
  h = dense(x, 4)
  output a = tanh(h)
  output b = h * 2
})";

} // namespace

TEST_CASE("bound steps and runs are the unbound ones, and allocate nothing") {
  auto const program = Program::from_text(tiny);
  for (int const threads : {1, 2}) {
    CAPTURE(threads);
    Session bound(program, {.threads = threads, .seed = {}, .max_memory = 0, .uses = {}}), plain(program);
    std::vector<float> probs(16), expected;
    std::vector<Input> const inputs{{"x", tiny_x}, {"label", tiny_label}};
    auto step = bound.bind_step(inputs, 8);
    auto run = bound.bind_run({{"x", tiny_x}}, {{"probs", probs}}, 8);
    step(), run(), plain.step(inputs, 8); // the first call may find something to do
    auto const before = allocations.load();
    double loss = 0;
    for (int i = 0; i < 20; ++i) {
      loss = step().values[0].value;
      run();
    }
    CHECK(allocations == before);
    double plain_loss = 0;
    for (int i = 0; i < 20; ++i) plain_loss = plain.step(inputs, 8).values[0].value;
    CHECK(loss == plain_loss);
    CHECK(bound.step_count() == 21);
    CHECK(bound.digest() == plain.digest());
    auto const outputs = plain.run({{"x", tiny_x}}, 8);
    auto const all = outputs[0].as<float>();
    CHECK(std::equal(all.begin(), all.end(), probs.begin(), probs.end()));
  }
}

TEST_CASE("bound steps give tables, and allocate nothing for them") {
  auto const program = Program::from_text(R"(model m {
  input x: f32[batch, 3]
  target label: i32[batch]
  logits = dense(x, 2)
  loss   cross_entropy(logits, label)
  metric confusion rows ["no", "yes"] = confusion_matrix(logits, label)
}
train m { minimize loss with sgd(lr = 0.1) }
)");
  Session bound(program), plain(program);
  std::vector<Input> const inputs{{"x", tiny_x}, {"label", tiny_label}};
  auto step = bound.bind_step(inputs, 8);
  step();
  auto const before = allocations.load();
  for (int i = 0; i < 5; ++i) step();
  CHECK(allocations == before);
  for (int i = 0; i < 6; ++i) plain.step(inputs, 8);
  auto const expected = plain.step(inputs, 8).tables;
  auto const& found = step().tables;
  REQUIRE(found.size() == 1);
  CHECK(found[0].name == "confusion");
  CHECK(found[0].rows == expected[0].rows);
  CHECK(found[0].shape == expected[0].shape);
  CHECK(found[0].values == expected[0].values);
  CHECK(found[0].values[0] + found[0].values[1] + found[0].values[2] + found[0].values[3] == 7 * 8);
}

TEST_CASE("bound calls of the C API allocate nothing either") {
  nnc_program* program = nullptr;
  nnc_session* session = nullptr;
  nnc_bound* step = nullptr;
  REQUIRE(nnc_program_from_text(tiny.c_str(), nullptr, nullptr, &program) == NNC_OK);
  REQUIRE(nnc_session_create(program, nullptr, &session) == NNC_OK);
  nnc_input const inputs[] = {{sizeof(nnc_input), "x", "f32", tiny_x.data(), 4 * tiny_x.size()},
                              {sizeof(nnc_input), "label", "i32", tiny_label.data(), 4 * tiny_label.size()}};
  REQUIRE(nnc_session_bind_step(session, inputs, 2, 8, &step) == NNC_OK);
  nnc_reports reports{};
  reports.size = sizeof reports;
  bool all = nnc_bound_call(step, &reports) == NNC_OK; // the first call may find something to do
  auto const before = allocations.load();
  for (int i = 0; i < 20; ++i) all = nnc_bound_call(step, &reports) == NNC_OK && all;
  CHECK(allocations == before);
  CHECK(all);
  CHECK(reports.count == 2);
  nnc_bound_free(step);
  nnc_session_free(session);
  nnc_program_free(program);
}

TEST_CASE("a bound call sees what is set behind it") {
  Session bound(Program::from_text(tiny)), plain(Program::from_text(tiny));
  std::vector<float> x = tiny_x;
  std::vector<Input> const inputs{{"x", x}, {"label", tiny_label}};
  auto step = bound.bind_step(inputs, 8);
  step();
  plain.step(inputs, 8);
  for (auto* session : {&bound, &plain}) session->set_scalar("sgd.lr", 0.1);
  for (auto& value : x) value += 1;
  // A larger batch takes a larger arena.
  std::vector<float> const many(3000, 0.5f);
  (void)bound.run({{"x", many}}, 1000);
  step();
  plain.step(inputs, 8);
  CHECK(bound.digest() == plain.digest());
  // It keeps the weights, also when the session has gone.
  auto moved = std::make_unique<Session>(std::move(bound));
  moved.reset();
  CHECK(step().examples == 8);
}

TEST_CASE("what is wrong with buffers is said when they are bound, labels when they are used") {
  Session session(Program::from_text(tiny));
  std::vector<float> probs(16);
  auto const x = Input{"x", tiny_x};
  auto const refused = [&](auto&& call, std::string const& words) {
    auto const text = failure_of(call);
    CHECK_MESSAGE(says(text, words), text);
  };
  refused([&] { (void)session.bind_run({x}, {{"probs", probs}}, 7); }, "'x' expects f32[batch,3] with batch = 7");
  refused(
      [&] {
        (void)session.bind_run({x}, {{"probs", probs}, {"probs", probs}}, 8);
      },
      "the output 'probs' is given twice");
  refused([&] { (void)session.bind_run({x}, {{"prob", probs}}, 8); }, "the program has no output 'prob'");
  refused(
      [&] {
        (void)session.bind_run({x}, {{"probs", "f32", probs.data(), 60}}, 8);
      },
      "'probs' expects f32[batch,2] with batch = 8, got 60 bytes");
  refused([&] { (void)session.bind_run({}, {{"probs", probs}}, 8); }, "the input 'x' is missing");
  refused([&] { (void)session.bind_step({x}, 8); }, "the target 'label' is missing");
  refused([&] { (void)session.bind_step({x}, 0); }, "a batch of 0 examples");
  auto labels = tiny_label;
  auto step = session.bind_step({x, {"label", labels}}, 8);
  labels[5] = 2;
  refused([&] { step(); }, "example 5 of column 'label' has 2, expected 0 to 1");
  labels[5] = 1;
  CHECK(step().examples == 8);
}

TEST_CASE("run_into writes the outputs that are named") {
  Session session(Program::from_text(two_outputs));
  auto const outputs = session.run({{"x", tiny_x}}, 8);
  std::vector<float> b(32);
  session.run_into({{"x", tiny_x}}, {{"b", b}}, 8);
  auto const expected = outputs[1].as<float>();
  CHECK(std::equal(expected.begin(), expected.end(), b.begin(), b.end()));
  session.run_into({{"x", tiny_x}}, {}, 8);
}

TEST_CASE("a view is the parameter itself") {
  Session session(Program::from_text(tiny));
  auto const view = session.parameter_view("dense.weight");
  CHECK(view.shape == std::vector<std::int64_t>{3, 2});
  auto const weights = view.as<float>();
  CHECK(weights.size() == 6);
  auto const before = session.run({{"x", tiny_x}}, 8)[0].bytes;
  for (auto& weight : weights) weight += 1.5f;
  weights[0] = 7;
  session.changed("dense.weight");
  CHECK(session.parameter("dense.weight").as<float>()[0] == 7);
  CHECK(session.run({{"x", tiny_x}}, 8)[0].bytes != before);
  session.step({{"x", tiny_x}, {"label", tiny_label}}, 8);
  CHECK(weights[0] == session.parameter("dense.weight").as<float>()[0]);
  CHECK(says(failure_of([&] { (void)view.as<double>(); }), "has elements of type f32, not f64"));
  CHECK(says(failure_of([&] { (void)session.parameter_view("w"); }), "the program has no parameter 'w'"));
  CHECK(says(failure_of([&] { session.changed("w"); }), "the program has no parameter 'w'"));
}

TEST_CASE("an array of another type says so with a problem") {
  Session session(Program::from_text(tiny));
  auto const output = session.run({{"x", tiny_x}}, 8)[0];
  try {
    (void)output.as<double>();
    FAIL("no failure");
  } catch (Failure const& failure) {
    CHECK(failure.code == Code::argument);
    REQUIRE(failure.problems.size() == 1);
    CHECK(failure.problems[0].message == "'probs' has elements of type f32, not f64");
  }
}

TEST_CASE("sessions of several threads answer with the weights of one") {
  Session owner(Program::from_text(tiny));
  for (int i = 0; i < 5; ++i) owner.step({{"x", tiny_x}, {"label", tiny_label}}, 8);
  auto const expected = owner.run({{"x", tiny_x}}, 8)[0].bytes;
  std::atomic<int> right{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back(
        [&, session = owner.sharing_weights({.threads = 1, .seed = {}, .max_memory = 0, .uses = {}})]() mutable {
          for (int k = 0; k < 50; ++k) right += session.run({{"x", tiny_x}}, 8)[0].bytes == expected;
        });
  for (auto& thread : threads) thread.join();
  CHECK(right == 200);

  auto sharing = owner.sharing_weights();
  CHECK(sharing.digest() == owner.digest());
  owner.step({{"x", tiny_x}, {"label", tiny_label}}, 8);
  CHECK(sharing.digest() == owner.digest());
  CHECK(sharing.evaluate({{"x", tiny_x}, {"label", tiny_label}}, 8).examples == 8);
  auto const only = "of a session that shares the weights of another: it can only run and evaluate";
  CHECK(says(failure_of([&] { sharing.step({{"x", tiny_x}, {"label", tiny_label}}, 8); }), only));
  CHECK(says(failure_of([&] { sharing.set_parameter({"dense.bias", std::vector<float>(2)}); }), only));
  CHECK(says(failure_of([&] { sharing.restore(owner.checkpoint()); }), only));
  owner = Session(Program::from_text(tiny)); // the shared weights live on
  CHECK(sharing.run({{"x", tiny_x}}, 8).size() == 1);
}
