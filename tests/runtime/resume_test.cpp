// What --resume compares: another program, other data or another order is refused with both values, what only tunes is
// said, and names and metrics do not count.
#include "runtime/checkpoint.h"
#include "tests/runtime/small.h"

#include <algorithm>
#include <doctest/doctest.h>

using namespace nnc;
using namespace nnc::test;

namespace {

bool contains(std::string const& text, std::string const& part) { return text.find(part) != std::string::npos; }

std::string changed(std::string text, std::string const& from, std::string const& to) {
  auto const at = text.find(from);
  REQUIRE(at != std::string::npos);
  return text.replace(at, from.size(), to);
}

using Set = std::vector<std::pair<std::string, std::string>>;

struct Went {
  std::string failure;
  std::vector<std::string> notes;
  Trained trained;
};

// A training of three steps whose file others try to go on from.
class Saved {
public:
  explicit Saved(std::string const& text = small) : data_(small_data(scratch_, 100)), text_(text) {
    options_.save = (scratch_ / "w").string();
    options_.steps = 3;
    Session(compiled(data_, {}, text)).train(data_, options_);
    before_ = content_of(options_.save);
    options_.resume = true;
    options_.steps = {};
  }
  Data const& data() const { return data_; }
  Scratch const& scratch() const { return scratch_; }
  std::string const& file() const { return options_.save; }
  std::string const& text() const { return text_; }
  bool untouched() const { return content_of(options_.save) == before_; }

  Went resume(std::string const& text, TrainOptions more = {}, Set set = {}) const {
    return resume_on(data_, text, more, std::move(set));
  }
  Went resume_on(Data const& data, std::string const& text, TrainOptions options = {}, Set set = {}) const {
    Went went;
    options.save = options_.save;
    options.resume = true;
    options.on_note = [&](std::string const& line) { went.notes.push_back(line); };
    Session session(compiled(data, std::move(set), text));
    auto const digest = session.digest();
    went.failure = failure_of([&] { went.trained = session.train(data, options); });
    if (went.failure != "no failure") CHECK(session.digest() == digest); // nothing was half taken over
    return went;
  }

private:
  Scratch scratch_;
  Data data_;
  std::string text_, before_;
  TrainOptions options_;
};

} // namespace

TEST_CASE("another program, other data and another order of them are refused, and the file stays") {
  Saved const saved;
  auto const refuses = [&](Went const& went, std::string const& words) {
    CHECK_MESSAGE(contains(went.failure, words), went.failure);
    CHECK(saved.untouched());
  };
  auto const other = [&](char const* from, char const* to) { return saved.resume(changed(small, from, to)); };
  refuses(other("adam(lr = 0.01)", "sgd(lr = 0.01)"), "w was written with optimizer = adam, now it is sgd");
  refuses(other("adam(lr = 0.01)", "sgd(lr = 0.01)"),
          "help: a new training can start from its weights: Session::load ");
  refuses(other("adam(lr = 0.01)", "adamw(lr = 0.01)"), "optimizer = adam, now it is adamw"); // the same states
  refuses(other("tanh", "relu"), "w was written with another model: the digest of its text was ");
  refuses(other("cross_entropy(logits, label)", "2 * cross_entropy(logits, label)"), "another model");
  refuses(other("dense(4)", "dense(5)"), "w: 'dense.weight' is f32[3,4], the program has f32[3,5]");
  refuses(other("dense(4) |> ", ""), "w: 'dense.weight' is f32[3,4], the program has f32[3,2]");
  refuses(saved.resume(changed(changed(small, "model small", "model large"), "train small", "train large")),
          "model = small, now it is large");
  refuses(other("batch = 8", "batch = 9"), "batch = 8, now it is 9");
  refuses(other("batch = 8", "batch = 8; drop_last = true"), "drop_last = false, now it is true");
  refuses(other("batch = 8", "batch = 8; validation = 10"), "validation = 0, now it is 10");
  refuses(other("batch = 8", "batch = 8; order = \"file\""), "order = shuffle, now it is file");
  refuses(saved.resume(small, {.shuffle = false}), "order = shuffle, now it is file");
  Scratch const scratch;
  auto const fewer = small_data(scratch, 99);
  refuses(saved.resume_on(fewer, small), "examples = 100, now it is 99");
  auto const renamed =
      Data::open("pixels=" + (saved.scratch() / "x.idx").string() + ",label=" + (saved.scratch() / "y.idx").string());
  refuses(saved.resume_on(renamed, small), "columns = x: u8[batch,3], label: i32[batch], now it is x: u8[batch,3] from "
                                           "pixels, label: i32[batch]");
}

TEST_CASE("optimizers of one name are told apart by what they do and keep") {
  Saved const saved(changed(small, "adam(lr = 0.01)", "sgd(lr = 0.01)"));
  auto const went = saved.resume(changed(small, "adam(lr = 0.01)", "sgd(lr = 0.01, momentum = 0.9)"));
  CHECK_MESSAGE(contains(went.failure, "has no 'velocity/"), went.failure);
  auto const decayed = saved.resume(changed(small, "adam(lr = 0.01)", "sgd(lr = 0.01, decay = 0.1)"));
  CHECK_MESSAGE(contains(decayed.failure, "another optimizer"), decayed.failure);
  CHECK(saved.untouched());
}

TEST_CASE("numbers that only tune may change, and that is said") {
  Saved const saved;
  auto went = saved.resume(small, {.steps = 4}, {{"adam.lr", "0.02"}});
  CHECK(went.failure == "no failure");
  REQUIRE(went.notes.size() == 1);
  CHECK(contains(went.notes[0], "adam.lr was 0.01 in "));
  CHECK(contains(went.notes[0], ", now it is 0.02"));
  CHECK(saved.resume(small, {.steps = 5}, {{"adam.lr", "0.02"}}).notes.empty());
}

TEST_CASE("names, places and metrics are no part of the training") {
  Saved const saved;
  auto text = changed(small, "logits = f32(x)", "\n\n  h = f32(x)");
  text = changed(text, "/ 64 |> dense(4) |> tanh |> dense(2)", "/ 64\n  logits = h |> dense(4) |> tanh |> dense(2)");
  text = changed(text, "metric accuracy(logits, label)", "metric error = 1 - accuracy(logits, label)");
  auto const went = saved.resume(text);
  CHECK_MESSAGE(went.failure == "no failure", went.failure);
  CHECK(went.trained.step == 26);
}

TEST_CASE("another total is refused where a schedule reads it, unless the schedule is to be stretched") {
  auto const text = changed(small, "lr = 0.01", "lr = cosine(0.01)");
  Saved const saved(text);
  auto went = saved.resume(text, {.steps = 30});
  CHECK_MESSAGE(contains(went.failure, "w was written with steps = 3, now it is 30"), went.failure);
  CHECK(contains(went.failure, "TrainOptions::replan stretches it"));
  CHECK(saved.untouched());
  TrainOptions options{.steps = 30, .replan = true};
  options.on_slice = [](Progress const& p) { return p.step < 6; };
  went = saved.resume(text, options);
  CHECK(went.failure == "no failure");
  CHECK(went.trained.stopped);
  CHECK(saved.resume(text, {.steps = 30}).trained.step == 30); // the file has kept the plan
  auto const other = changed(small, "lr = 0.01", "lr = cosine(0.02)");
  went = saved.resume(other, {.steps = 31, .replan = true});
  CHECK(went.failure == "no failure");
  REQUIRE(went.notes.size() == 1);
  CHECK(contains(went.notes[0], "adam.lr.base was 0.01 in "));
}

TEST_CASE("a training that is finished has nothing left to do") {
  Saved const saved;
  for (std::int64_t const total : {3, 2, 0}) {
    TrainOptions options{.steps = total};
    options.on_epoch = [](Milestone const&) { FAIL("nothing is trained"); };
    options.on_log = options.on_epoch;
    auto const went = saved.resume(small, options);
    CHECK(went.failure == "no failure");
    CHECK(went.trained.step == 3);
    CHECK(went.trained.first_step == 3);
    CHECK(went.trained.saved);
    CHECK(went.trained.saves == 0);
    REQUIRE(went.notes.size() == 1);
    CHECK(contains(went.notes[0], "nothing is left to do: "));
    CHECK(saved.untouched());
  }
}

TEST_CASE("a training whose file is not there yet begins") {
  Scratch const scratch;
  auto const data = small_data(scratch, 100);
  TrainOptions options{.steps = 3, .resume = true, .save = (scratch / "w").string()};
  std::vector<std::string> notes;
  options.on_note = [&](std::string const& line) { notes.push_back(line); };
  CHECK(Session(compiled(data)).train(data, options).saved);
  CHECK(notes == std::vector{options.save + " does not exist yet: the training begins"});
  scratch.write("w", ""); // another thing than a file that is missing
  CHECK(contains(failure_of([&] { Session(compiled(data)).train(data, options); }), "expected a safetensors file"));
}

TEST_CASE("a checkpoint that says less is compared by what it says") {
  Saved const saved;
  auto checkpoint = load_checkpoint(saved.file());
  checkpoint.notes = {{"batch", "8"}, {"examples", "100"}, {"summary", "train small"}};
  save_checkpoint(saved.file(), checkpoint);
  auto went = saved.resume(changed(small, "adam(lr = 0.01)", "sgd(lr = 0.01)"));
  CHECK_MESSAGE(contains(went.failure, ", which the program has not"), went.failure);
  went = saved.resume(changed(small, "batch = 8", "batch = 9"));
  CHECK_MESSAGE(contains(went.failure, "batch = 8, now it is 9"), went.failure);
  went = saved.resume(small);
  CHECK(went.failure == "no failure");
  REQUIRE(went.notes.size() == 1);
  CHECK_MESSAGE(contains(went.notes[0], "does not say with which model, objective, optimizer, columns, validation, "
                                        "order, drop_last, model_text, optimizer_text it was written: not compared"),
                went.notes[0]);
}

TEST_CASE("the text counts only while the library is the same") {
  Saved const saved;
  auto checkpoint = load_checkpoint(saved.file());
  checkpoint.notes["library"] = "another";
  checkpoint.notes["model_text"] = "another";
  save_checkpoint(saved.file(), checkpoint);
  auto const went = saved.resume(small);
  CHECK(went.failure == "no failure");
  REQUIRE(went.notes.size() == 1);
  CHECK(contains(went.notes[0], "was written with another library, and model_text differs"));
}

TEST_CASE("what a host saves after a training can be resumed, and is compared") {
  Saved const saved;
  Session session(compiled(saved.data()));
  session.train(saved.data(), {.steps = 5});
  session.save(saved.file());
  CHECK(contains(saved.resume(small, {.shuffle = false}).failure, "order = shuffle, now it is file"));
  CHECK(saved.resume(small, {.steps = 7}).trained.step == 7);
}
