using System.Buffers;
using System.Buffers.Binary;
using System.IO.Pipelines;
using Google.Protobuf;
using Grpc.Core;

namespace CsiLocal.Grpc;

/// <summary>
/// Reads length-prefixed messages from a pipe, whatever pieces they arrive in. The length is checked before the message is waited for,
/// so a sender cannot make us hold more than <paramref name="maxMessageBytes"/>.
/// </summary>
/// <param name="input">The body.</param>
/// <param name="maxMessageBytes">Longest message accepted, in bytes.</param>
/// <param name="noun">"request" or "response", for error messages.</param>
/// <param name="encoding">The sender's <c>grpc-encoding</c>, if it named one.</param>
internal sealed class FrameReader(PipeReader input, int maxMessageBytes, string noun, string? encoding)
{
    /// <returns>The next message; null at the end of the body.</returns>
    /// <exception cref="RpcException">
    /// RESOURCE_EXHAUSTED: too long. UNIMPLEMENTED: compressed. INTERNAL: cut off, or not a message of this type.
    /// </exception>
    public async ValueTask<T?> ReadAsync<T>(Marshaller<T> marshaller, CancellationToken cancellationToken)
        where T : class
    {
        while (true)
        {
            var result = await input.ReadAsync(cancellationToken);
            var buffer = result.Buffer;
            if (TryTakePayload(buffer, out var payload))
            {
                var message = Deserialize(marshaller, payload);
                input.AdvanceTo(payload.End);
                return message;
            }

            if (result.IsCompleted)
            {
                if (!buffer.IsEmpty)
                    throw Failure(StatusCode.Internal, $"the {noun} ends in the middle of a message");
                input.AdvanceTo(buffer.End);
                return null;
            }
            input.AdvanceTo(buffer.Start, buffer.End);
        }
    }

    /// <summary>Waits for the end of the body.</summary>
    /// <exception cref="RpcException">INTERNAL: there is more.</exception>
    public async ValueTask ReadEndAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            var result = await input.ReadAsync(cancellationToken);
            if (!result.Buffer.IsEmpty)
                throw Failure(StatusCode.Internal, $"the {noun} holds more than the one message this call takes");
            input.AdvanceTo(result.Buffer.End);
            if (result.IsCompleted)
                return;
        }
    }

    private bool TryTakePayload(in ReadOnlySequence<byte> buffer, out ReadOnlySequence<byte> payload)
    {
        payload = default;
        if (buffer.Length < GrpcProtocol.FrameHeaderBytes)
            return false;

        Span<byte> header = stackalloc byte[GrpcProtocol.FrameHeaderBytes];
        buffer.Slice(0, GrpcProtocol.FrameHeaderBytes).CopyTo(header);
        CheckFlags(header[0]);
        var length = BinaryPrimitives.ReadUInt32BigEndian(header[1..]);
        if (length > (uint)maxMessageBytes)
            throw Failure(StatusCode.ResourceExhausted, $"the {noun} message has {length} bytes, at most {maxMessageBytes} are accepted");

        if (buffer.Length - GrpcProtocol.FrameHeaderBytes < length)
            return false;
        payload = buffer.Slice(GrpcProtocol.FrameHeaderBytes, length);
        return true;
    }

    private void CheckFlags(byte flags)
    {
        if (flags == 0)
            return;
        if (flags != 1)
            throw Failure(StatusCode.Internal, $"the {noun} message has unknown flags {flags}");
        if (encoding is null or GrpcProtocol.IdentityEncoding)
            throw Failure(StatusCode.Internal, $"the {noun} message is compressed, but {GrpcProtocol.EncodingHeader} names no encoding");

        var trailers = new Metadata { { GrpcProtocol.AcceptEncodingHeader, GrpcProtocol.IdentityEncoding } };
        var status = new Status(StatusCode.Unimplemented, $"{GrpcProtocol.EncodingHeader} '{encoding}' is not supported");
        throw new RpcException(status, trailers);
    }

    private T Deserialize<T>(Marshaller<T> marshaller, ReadOnlySequence<byte> payload)
    {
        try
        {
            return marshaller.ContextualDeserializer(new PayloadContext(payload));
        }
        catch (InvalidProtocolBufferException e)
        {
            throw Failure(StatusCode.Internal, $"the {noun} is not a valid {typeof(T).Name}: {e.Message}");
        }
    }

    private static RpcException Failure(StatusCode code, string detail) => new(new Status(code, detail));

    private sealed class PayloadContext(ReadOnlySequence<byte> payload) : DeserializationContext
    {
        public override int PayloadLength => (int)payload.Length;

        public override ReadOnlySequence<byte> PayloadAsReadOnlySequence() => payload;

        public override byte[] PayloadAsNewBuffer() => payload.ToArray();
    }
}
