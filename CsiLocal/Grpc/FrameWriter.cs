using System.Buffers;
using System.Buffers.Binary;
using Grpc.Core;

namespace CsiLocal.Grpc;

/// <summary>Writes length-prefixed messages straight into the buffer they are sent from.</summary>
internal static class FrameWriter
{
    public static void Write<T>(IBufferWriter<byte> output, Marshaller<T> marshaller, T message)
    {
        var context = new FrameContext(output);
        marshaller.ContextualSerializer(message, context);
        if (!context.IsComplete)
            throw new InvalidOperationException($"the serializer of {typeof(T).Name} did not complete the message");
    }

    private sealed class FrameContext(IBufferWriter<byte> output) : SerializationContext
    {
        private int? _payloadLength;

        public bool IsComplete { get; private set; }

        public override void SetPayloadLength(int payloadLength) => _payloadLength = payloadLength;

        public override IBufferWriter<byte> GetBufferWriter()
        {
            WriteHeader(_payloadLength ?? throw new InvalidOperationException("the payload length comes before the message"));
            return output;
        }

        public override void Complete() => IsComplete = true;

        public override void Complete(byte[] payload)
        {
            WriteHeader(payload.Length);
            output.Write(payload);
            IsComplete = true;
        }

        private void WriteHeader(int length)
        {
            var header = output.GetSpan(GrpcProtocol.FrameHeaderBytes);
            header[0] = 0;
            BinaryPrimitives.WriteInt32BigEndian(header[1..], length);
            output.Advance(GrpcProtocol.FrameHeaderBytes);
        }
    }
}
