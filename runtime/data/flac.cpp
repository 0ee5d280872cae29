// No exception passes through libFLAC: what its calls to us want to say waits in `problem_`.
#include "runtime/data/flac.h"

#include "ir/diagnostic.h"
#include "runtime/bytes.h"

#include <FLAC/stream_decoder.h>
#include <fmt/core.h>

#include <algorithm>
#include <cstring>
#include <exception>
#include <memory>
#include <new>

namespace nnc {
namespace {

// A frame of at most 65,535 samples has a header of 6 bytes, a checksum of 2, and a subframe of 2 or more.
constexpr i64 longest_frame = 65'535, shortest_frame = 10;

class FlacReader {
public:
  FlacReader(std::span<u8 const> file, std::string const& name) : left_(file), size_(file.size()), name_(name), decoder_(FLAC__stream_decoder_new()) {
    if (!decoder_) throw std::bad_alloc();
    FLAC__stream_decoder_set_md5_checking(decoder_.get(), true);
    if (FLAC__stream_decoder_init_stream(decoder_.get(), on_read, nullptr, nullptr, nullptr, nullptr, on_frame,
                                         on_metadata, on_error, this) != FLAC__STREAM_DECODER_INIT_STATUS_OK)
      throw std::bad_alloc();
  }

  SoundHeader header() {
    bool const went = FLAC__stream_decoder_process_until_end_of_metadata(decoder_.get());
    if (problem_) std::rethrow_exception(problem_);
    if (!went || sound_.channels == 0) fail(broken_ ? broken_ : "it ends too early");
    return sound_;
  }

  Sound sound() {
    i64 const promised = header().samples;
    sound_.samples = 0;
    bool const went = FLAC__stream_decoder_process_until_end_of_stream(decoder_.get());
    if (problem_) std::rethrow_exception(problem_);
    if (broken_) fail(broken_);
    if (!went) fail("it cannot be decoded");
    if (promised > 0 && sound_.samples != promised)
      fail(fmt::format("the header promises {} samples, and {} are there", promised, sound_.samples));
    if (!FLAC__stream_decoder_finish(decoder_.get())) fail("the checksum of its samples is wrong");
    return std::move(sound_);
  }

private:
  [[noreturn]] void fail(std::string const& what) const {
    throw Error(fmt::format("{}: the FLAC is corrupt or truncated ({})", name_, what));
  }

  template <class Action>
  bool caught(Action const& action) {
    try {
      action();
      return true;
    } catch (...) {
      problem_ = std::current_exception();
      return false;
    }
  }

  void begin(FLAC__StreamMetadata_StreamInfo const& info) {
    sound_.channels = info.channels;
    sound_.rate = info.sample_rate;
    bits_ = info.bits_per_sample;
    // Larger ones cannot be true; what they would be in memory is decided by this number.
    if (info.total_samples / longest_frame > size_ / shortest_frame)
      fail(fmt::format("the header promises {} samples, which {} cannot hold", info.total_samples, byte_count(size_)));
    sound_.samples = static_cast<i64>(info.total_samples);
    check_sound(sound_, name_);
  }

  void add(FLAC__FrameHeader const& frame, FLAC__int32 const* const* channels) {
    if (frame.channels != sound_.channels || frame.bits_per_sample != bits_ || frame.sample_rate != sound_.rate)
      fail("a frame has another format than the header says");
    sound_.samples += frame.blocksize;
    check_sound(sound_, name_);
    f64 const full_scale = static_cast<f64>(u64{1} << (bits_ - 1));
    for (u32 i = 0; i < frame.blocksize; ++i)
      for (u32 c = 0; c < frame.channels; ++c)
        sound_.values.push_back(static_cast<f32>(channels[c][i] / full_scale));
  }

  static FlacReader& of(void* self) { return *static_cast<FlacReader*>(self); }
  static FLAC__StreamDecoderReadStatus on_read(FLAC__StreamDecoder const*, FLAC__byte* target, size_t* count, void* self) {
    auto& left = of(self).left_;
    *count = std::min(*count, left.size());
    if (*count == 0) return FLAC__STREAM_DECODER_READ_STATUS_END_OF_STREAM;
    std::memcpy(target, left.data(), *count);
    left = left.subspan(*count);
    return FLAC__STREAM_DECODER_READ_STATUS_CONTINUE;
  }
  static FLAC__StreamDecoderWriteStatus on_frame(FLAC__StreamDecoder const*, FLAC__Frame const* frame,
                                                 FLAC__int32 const* const* channels, void* self) {
    auto& reader = of(self);
    bool const went = !reader.broken_ && reader.caught([&] { reader.add(frame->header, channels); });
    return went ? FLAC__STREAM_DECODER_WRITE_STATUS_CONTINUE : FLAC__STREAM_DECODER_WRITE_STATUS_ABORT;
  }
  static void on_metadata(FLAC__StreamDecoder const*, FLAC__StreamMetadata const* block, void* self) {
    auto& reader = of(self);
    if (block->type == FLAC__METADATA_TYPE_STREAMINFO && !reader.problem_)
      reader.caught([&] { reader.begin(block->data.stream_info); });
  }
  static void on_error(FLAC__StreamDecoder const*, FLAC__StreamDecoderErrorStatus status, void* self) {
    if (!of(self).broken_) of(self).broken_ = words_of(status);
  }
  static char const* words_of(FLAC__StreamDecoderErrorStatus status) {
    switch (status) {
    case FLAC__STREAM_DECODER_ERROR_STATUS_LOST_SYNC: return "no frame where one should begin";
    case FLAC__STREAM_DECODER_ERROR_STATUS_BAD_HEADER: return "the header of a frame is damaged";
    case FLAC__STREAM_DECODER_ERROR_STATUS_FRAME_CRC_MISMATCH: return "the checksum of a frame is wrong";
    default: return "a part of it cannot be parsed";
    }
  }

  struct Delete {
    void operator()(FLAC__StreamDecoder* decoder) const { FLAC__stream_decoder_delete(decoder); }
  };
  std::span<u8 const> left_;
  u64 size_;
  std::string const& name_;
  Sound sound_;
  u32 bits_ = 0;
  char const* broken_ = nullptr;  // what libFLAC said first
  std::exception_ptr problem_;    // what we said
  std::unique_ptr<FLAC__StreamDecoder, Delete> decoder_;
};

} // namespace

SoundHeader flac_header(std::span<u8 const> file, std::string const& name) { return FlacReader(file, name).header(); }
Sound decode_flac(std::span<u8 const> file, std::string const& name) { return FlacReader(file, name).sound(); }

} // namespace nnc
