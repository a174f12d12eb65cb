"""A client made from the .proto files alone: attach, stream, cut, resume, replay. Prints one JSON line.

Usage: client.py STUBS   (folder with the modules that grpc_tools.protoc made)
Environment: RETICLE_GRPC host:port, RETICLE_API_KEY, RETICLE_MODEL
"""

import json
import os
import queue
import sys

import grpc

sys.path.insert(0, sys.argv[1])
from reticle.session.v1 import session_pb2 as pb  # noqa: E402
from reticle.session.v1 import session_pb2_grpc as rpc  # noqa: E402

EXACT = pb.Params(output_length=pb.OUTPUT_LENGTH_EXACT)
METADATA = (("authorization", "Bearer " + os.environ["RETICLE_API_KEY"]),)


class Stream:
    """One Converse call: a queue of requests out, an iterator of responses in."""

    def __init__(self, stub):
        self._requests = queue.Queue()
        self._responses = stub.Converse(iter(self._requests.get, None), metadata=METADATA)

    def send(self, seq, **message):
        self._requests.put(pb.ConverseRequest(seq=seq, **message))

    def next(self):
        response = next(self._responses)
        return response.WhichOneof("message"), response

    def until(self, kind, tokens=None):
        """Reads up to a message of this kind; token frames on the way go to `tokens`."""
        while True:
            got, response = self.next()
            if got == "token_frame" and tokens is not None:
                tokens.append(response.token_frame)
            if got == kind:
                return getattr(response, got)

    def close(self):
        self._requests.put(None)

    def drop(self):
        self._responses.cancel()


def covered(frames, start=0):
    """The exclusive end of frames that follow each other without gap or overlap."""
    offset = start
    for frame in frames:
        assert frame.first_offset == offset, (frame.first_offset, offset)
        offset += frame.token_count
    return offset


def text_through(frames, end):
    """Text of the tokens before `end`, trimmed by the length of each token."""
    text = b""
    for frame in frames:
        lengths = list(frame.text_lengths) or [len(frame.text)]
        at = 0
        for index, length in enumerate(lengths):
            if frame.first_offset + index < end:
                text += frame.text[at : at + length]
            at += length
    return text


def message(text):
    return pb.InputItem(item_json=json.dumps({"role": "user", "content": text}))


def main():
    stub = rpc.SessionServiceStub(grpc.insecure_channel(os.environ["RETICLE_GRPC"]))
    created = stub.CreateSession(
        pb.CreateSessionRequest(request_id="foreign-1", model=os.environ["RETICLE_MODEL"]), metadata=METADATA
    )
    stream = Stream(stub)
    stream.send(0, attach=pb.Attach(resume_token=created.resume_token))
    attached = stream.until("attached")

    stream.send(1, start_turn=pb.StartTurn(turn_id="t1", input=[message("write a parser")], max_output_tokens=5000, params=EXACT))
    stream.until("turn_started")
    frames = []
    while covered(frames) < 200:
        stream.until("token_frame", frames)
    received = covered(frames)
    stream.send(2, interrupt=pb.Interrupt(turn_id="t1", mode=pb.CUT_MODE_KEEP_THROUGH_OFFSET, keep_through_offset=150))
    ack = stream.until("control_ack", frames)
    ended = stream.until("turn_ended")

    # A second turn is left in the middle; the socket goes away and another one takes over at the exact token.
    stream.send(3, start_turn=pb.StartTurn(turn_id="t2", parent_turn_id="t1", input=[message("go on")], max_output_tokens=3000, params=EXACT))
    started = stream.until("turn_started")
    first = []
    while covered(first) < 100:
        stream.until("token_frame", first)
    cut_at = covered(first)
    stream.drop()

    resumed = Stream(stub)
    cursor = pb.TurnCursor(turn_id="t2", next_offset=cut_at, credit_tokens=4096)
    resumed.send(0, attach=pb.Attach(resume_token=started.resume_token, cursors=[cursor]))
    again = resumed.until("attached")
    rest = []
    finished = None
    while finished is None:
        kind, response = resumed.next()
        if kind == "token_frame":
            rest.append(response.token_frame)
        elif kind == "turn_ended":
            finished = response.turn_ended
    resumed.close()
    live_end = covered(rest, cut_at)

    replay = [
        response.token_frame
        for response in stub.ReplayTurn(
            pb.ReplayTurnRequest(session_id=created.session.session_id, turn_id="t2", next_offset=0), metadata=METADATA
        )
        if response.WhichOneof("message") == "token_frame"
    ]
    try:
        stub.GetSession(pb.GetSessionRequest(session_id=created.session.session_id), metadata=(("authorization", "Bearer x"),))
        refused = "accepted"
    except grpc.RpcError as error:
        refused = error.code().name
    print(
        json.dumps(
            {
                "attachedEpoch": attached.session.epoch,
                "received": received,
                "outcome": ack.outcome,
                "effective": ack.effective_offset,
                "generated": ack.generated_offset,
                "wasted": ack.wasted_tokens,
                "keptText": len(text_through(frames, ack.effective_offset)),
                "endStatus": ended.status,
                "endOffset": ended.end_offset,
                "cachedTokens": started.cached_tokens,
                "promptTokens": started.prompt_tokens,
                "resumedEpoch": again.session.epoch,
                "resumedEnd": live_end,
                "finishedEnd": finished.end_offset,
                "replayEqual": text_through(replay, live_end) == text_through(first + rest, live_end),
                "badKey": refused,
            }
        )
    )


main()
