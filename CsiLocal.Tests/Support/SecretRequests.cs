using Csi.V1;
using CsiLocal.Grpc;
using Google.Protobuf;
using Google.Protobuf.Reflection;
using Grpc.Core;

namespace CsiLocal.Tests.Support;

/// <summary>Secrets wherever a request may carry them, by what the specification's file itself marks (<c>csi_secret</c>).</summary>
internal static class SecretRequests
{
    /// <summary>All that is secret begins so.</summary>
    public const string Mark = "s3cr3t-Zx81";

    private static readonly Marshaller<byte[]> s_bytes = Marshallers.Create<byte[]>(
        static (bytes, context) => context.Complete(bytes), static context => context.PayloadAsNewBuffer());

    /// <summary>Every call of the specification whose request has secrets, those that are not served among them.</summary>
    public static IReadOnlyList<MethodDescriptor> Calls { get; } =
        [.. CsiReflection.Descriptor.Services.SelectMany(static service => service.Methods).Where(static method => SecretFields(method.InputType).Any())];

    /// <summary>What secrets look like: a passphrase, a key file, what would break a format or a line.</summary>
    public static T Fill<T>(this T request)
        where T : IMessage
    {
        foreach (var field in SecretFields(request.Descriptor))
        {
            var map = (IDictionary<string, string>)field.Accessor.GetValue(request);
            map["passphrase"] = $"{Mark} {{0}} %s ' \" \\ $(id)";
            map["key"] = $"-----BEGIN PRIVATE KEY-----\n{Mark}\n-----END PRIVATE KEY-----\n";
            map[$"{Mark}-name"] = $"{{\"password\": \"{Mark}\u001b[2J\"}}";
        }

        return request;
    }

    /// <summary>Nothing but secrets.</summary>
    public static IMessage Alone(MethodDescriptor method) => method.InputType.Parser.ParseFrom(ByteString.Empty).Fill();

    /// <summary>Makes a call with any bytes for a request.</summary>
    public static async Task<StatusCode> CallAsync(string endpoint, MethodDescriptor method, byte[] request)
    {
        using var channel = GrpcChannel.ForAddress(endpoint);
        var call = new Method<byte[], byte[]>(MethodType.Unary, method.Service.FullName, method.Name, s_bytes, s_bytes);
        try
        {
            await channel.CreateCallInvoker().AsyncUnaryCall(call, null, default, request);
            return StatusCode.OK;
        }
        catch (RpcException e)
        {
            return e.StatusCode;
        }
    }

    private static IEnumerable<FieldDescriptor> SecretFields(MessageDescriptor message) =>
        message.Fields.InDeclarationOrder().Where(static field => field.GetOptions()?.GetExtension(CsiExtensions.CsiSecret) is true);
}
