// Streams: in which order batches are asked for, what ends an epoch and a training, and what a resumed one asks for.
#include "tests/runtime/models.h"
#include "tests/runtime/small.h"

#include <doctest/doctest.h>

#include <atomic>
#include <cstring>
#include <stdexcept>
#include <thread>

using namespace nnc;
using namespace nnc::test;

namespace {

bool says(std::string const& text, std::string const& words) { return text.find(words) != std::string::npos; }

using Asked = std::vector<std::pair<std::int64_t, std::int64_t>>;

// Examples 0, 1, 2, ... of an epoch of `examples`, in order.
struct Source {
  std::int64_t examples;
  Asked asked;
  std::int64_t operator()(std::int64_t epoch, std::int64_t batch, View<Buffer const> buffers) {
    asked.emplace_back(epoch, batch);
    auto const x = buffers[0].as<std::uint8_t>();
    auto const label = buffers[1].as<std::int32_t>();
    auto const first = batch * buffers[0].rows, rows = std::clamp<std::int64_t>(examples - first, 0, buffers[0].rows);
    for (std::int64_t i = 0; i < rows; ++i) {
      auto const n = static_cast<std::uint8_t>(first + i);
      bool const one = n * 7 % 5 < 2;
      auto const at = static_cast<std::size_t>(i);
      x[3 * at] = one ? 100 : n % 30;
      x[3 * at + 1] = n % 50;
      x[3 * at + 2] = 7;
      label[at] = one;
    }
    return rows;
  }
};

std::vector<Field> const fields{{"x", "u8", {3}}, {"label", "i32", {}}};

Data stream_of(Source& source, StreamOptions options = {}) {
  return Data::from_batches(
      fields, [&](auto epoch, auto batch, auto buffers) { return source(epoch, batch, buffers); }, std::move(options));
}

// The same examples as arrays, in the order of the file.
struct Same {
  std::vector<std::uint8_t> x;
  std::vector<std::int32_t> label;
  Data data;
  explicit Same(std::int64_t count)
      : x(3 * count), label(count),
        data(Data::from_columns({{"x", "u8", {count, 3}, x.data()}, {"label", "i32", {count}, label.data()}})) {
    Source source{count, {}};
    Buffer const buffers[] = {{x.data(), count, x.size()}, {label.data(), count, label.size() * 4}};
    source(1, 0, {buffers, 2});
  }
};

} // namespace

TEST_CASE("a stream trains to the bits of the same examples in the order of the file") {
  for (std::int64_t const examples : {40, 44})
    for (bool const own_thread : {true, false})
      for (std::int64_t const known : {std::int64_t{0}, examples}) {
        CAPTURE(examples);
        CAPTURE(own_thread);
        CAPTURE(known);
        Source source{examples, {}};
        auto const data = stream_of(source, {"numbers", known, own_thread});
        Session session(compiled(data));
        auto const trained = session.train(data);
        CHECK(trained.epoch == 2);
        CHECK(trained.step == 2 * ((examples + 7) / 8));
        Same const same(examples);
        Session other(compiled(same.data));
        TrainOptions in_order;
        in_order.shuffle = false;
        other.train(same.data, in_order);
        CHECK(session.digest() == other.digest());
        // Each batch once, in order; behind a whole last batch it is asked whether there is one more.
        Asked expected;
        for (int epoch = 1; epoch <= 2; ++epoch)
          for (int batch = 0; batch < (examples + 7) / 8 + (examples % 8 == 0); ++batch)
            expected.emplace_back(epoch, batch);
        if (known > 0 && examples % 8 == 0) expected.pop_back(); // the last step of the plan was made
        CHECK(source.asked == expected);
      }
}

TEST_CASE("steps end a stream within an epoch, and no batch is asked for that does not train") {
  Source source{800, {}};
  auto const data = stream_of(source);
  Session session(compiled(data));
  TrainOptions options;
  options.steps = 5;
  CHECK(session.train(data, options).step == 5);
  CHECK(source.asked.size() == 5);
  // Further on in the same epoch.
  options.steps = {};
  options.more_steps = 2;
  CHECK(session.train(data, options).step == 7);
  CHECK(source.asked.back() == std::pair<std::int64_t, std::int64_t>(1, 6));
  CHECK(source.asked.size() == 7);
}

TEST_CASE("a resumed training asks for the batch that comes next") {
  Scratch const scratch;
  Source all{80, {}}, first{80, {}}, second{80, {}};
  auto const data = stream_of(all);
  Session whole(compiled(data));
  whole.train(data);
  TrainOptions options;
  options.save = (scratch / "w.safetensors").string();
  options.steps = 13;
  Session(compiled(data)).train(stream_of(first), options);
  options.steps = {};
  options.resume = true;
  Session resumed(compiled(data));
  resumed.train(stream_of(second), options);
  CHECK(second.asked.front() == std::pair<std::int64_t, std::int64_t>(2, 3));
  CHECK(resumed.digest() == whole.digest());
}

TEST_CASE("a schedule that reads the number of steps needs to know it") {
  auto text = small;
  text.replace(text.find("lr = 0.01"), 9, "lr = cosine(0.01)");
  Source source{40, {}};
  auto const vague = stream_of(source), exact = stream_of(source, {"numbers", 40, true});
  auto const program = compiled(vague, {}, text);
  CHECK(says(failure_of([&] { Session(program).train(vague); }), "nobody says how many examples an epoch has"));
  CHECK(Session(program).train(exact).step == 10);
}

TEST_CASE("a stream is evaluated as epoch 0") {
  Source source{44, {}};
  auto const data = stream_of(source);
  Same const same(44);
  Session session(compiled(data));
  auto const streamed = session.evaluate(data, Part::all), whole = session.evaluate(same.data, Part::all);
  CHECK(source.asked.front().first == 0);
  CHECK(streamed.examples == 44);
  CHECK(value_of(streamed.values, "accuracy") == value_of(whole.values, "accuracy"));
}

TEST_CASE("what goes wrong in a stream ends the training cleanly") {
  struct Gone : std::runtime_error {
    using std::runtime_error::runtime_error;
  };
  Scratch const scratch;
  for (bool const own_thread : {true, false}) {
    auto const failing = [&](auto&& next) { return Data::from_batches(fields, next, {"bad", 0, own_thread}); };
    Source source{1000, {}};
    auto const throws = failing([&](auto epoch, auto batch, auto buffers) {
      if (batch == 4) throw Gone("the disk is gone");
      return source(epoch, batch, buffers);
    });
    TrainOptions options;
    options.save = (scratch / "w.safetensors").string();
    Session session(compiled(throws));
    CHECK_THROWS_AS(session.train(throws, options), Gone);
    CHECK(session.step_count() == 4);
    Session saved(compiled(throws));
    saved.resume(options.save);
    CHECK(saved.step_count() == 4);
    CHECK(saved.digest() == session.digest());
    // The session is as good as before.
    Same const same(40);
    TrainOptions more;
    more.more_epochs = 1;
    CHECK(session.train(same.data, more).step == 9);

    auto const refused = [&](std::int64_t rows, std::string const& words) {
      auto const bad = failing([=](auto, auto, auto) { return rows; });
      auto const text = failure_of([&] { Session(compiled(bad)).train(bad); });
      CHECK_MESSAGE(says(text, words), text);
    };
    refused(9, "batch 0 of epoch 1 of bad has 9 examples, expected 0 to 8");
    refused(-1, "has -1 examples");
    refused(0, "epoch 1 of bad has no examples");
    auto const few = failing([](auto, auto, View<Buffer const> buffers) {
      std::memset(buffers[1].data, 0, buffers[1].bytes);
      return std::int64_t{5};
    });
    CHECK(says(failure_of([&] {
                 Session(compiled(few, {{"drop_last", "true"}})).train(few);
               }),
               "epoch 1 of bad has no whole batch of 8 examples"));
    auto const labels = failing([](auto, auto, View<Buffer const> buffers) {
      std::memset(buffers[1].data, 1, buffers[1].bytes);
      return buffers[0].rows;
    });
    CHECK(says(failure_of([&] { Session(compiled(labels)).train(labels); }),
               "batch 0 of epoch 1 of bad: example 0 of column 'label' has 16843009, expected 0 to 1"));
  }
  CHECK(says(failure_of([] { (void)Data::from_batches(fields, nullptr); }), "without a function"));
  CHECK(says(failure_of([] { (void)Data::from_batches({}, [](auto, auto, auto) { return 0; }); }), "without fields"));
  auto const data = Data::from_batches(fields, [](auto, auto, auto) { return 0; }, {"numbers", 40, true});
  CHECK(data.summary() == "numbers: batches that come one by one");
  CHECK(says(failure_of([&] { (void)Session(compiled(data)).run(data, Part::all); }), "numbers is a stream"));
  CHECK(says(failure_of([&] { (void)Session(compiled(data)).evaluate(data, Part::test); }), "numbers is a stream"));
  TrainOptions validated;
  validated.validation = data;
  CHECK(says(failure_of([&] { Session(compiled(data)).train(data, validated); }), "numbers is a stream"));
  CHECK(says(failure_of([&] {
               Session(compiled(data, {{"validation", "8"}})).train(data);
             }),
             "nothing can be held back of the stream"));
}

TEST_CASE("batches are filled beside the training, on a thread of the library, or on the caller's") {
  for (bool const own_thread : {true, false}) {
    std::atomic<bool> here{true};
    auto const caller = std::this_thread::get_id();
    Source source{40, {}};
    auto const data = Data::from_batches(fields,
                                         [&](auto epoch, auto batch, auto buffers) {
                                           here = here && std::this_thread::get_id() == caller;
                                           return source(epoch, batch, buffers);
                                         },
                                         {"numbers", 0, own_thread});
    Session(compiled(data)).train(data);
    CHECK(here == !own_thread);
  }
}

TEST_CASE("a stream that has not the examples that it was said to have is refused at the end of what it should have") {
  Scratch const scratch;
  for (bool const own_thread : {true, false})
    for (auto const& [examples, words] :
         {std::pair(60, "epoch 1 of numbers goes on after 5 batches of 8: StreamOptions::examples says 40"),
          std::pair(24, "epoch 1 of numbers ends after 3 batches of 8: StreamOptions::examples says 40")}) {
      Source source{examples, {}};
      auto const data = stream_of(source, {"numbers", 40, own_thread});
      TrainOptions options;
      options.save = (scratch / "w.safetensors").string();
      Session session(compiled(data));
      auto const text = failure_of([&] { session.train(data, options); });
      CHECK_MESSAGE(says(text, words), text);
      CHECK(session.step_count() == std::min(examples / 8, 5)); // none of them is lost
      Session saved(compiled(data));
      saved.resume(options.save);
      CHECK(saved.digest() == session.digest());
    }
}

TEST_CASE("more epochs of a stream of unknown length are whole ones") {
  Source source{40, {}};
  auto const data = stream_of(source);
  Session session(compiled(data));
  TrainOptions options;
  options.more_steps = 5; // all of the first epoch, but nobody has said so yet
  CHECK(session.train(data, options).epoch == 0);
  options.more_steps = {};
  options.more_epochs = 1;
  auto const trained = session.train(data, options);
  CHECK(trained.step == 10);
  CHECK(trained.epoch == 2);
}
