using CsiLocal.Diagnostics;
using CsiLocal.Volumes;
using Grpc.Core;
using Proto = Csi.V1;

namespace CsiLocal.Rpc;

/// <summary>CSI Identity.</summary>
internal sealed class IdentityService(NodeIdentity node, Readiness readiness) : Proto.Identity.IdentityBase
{
    public override Task<Proto.GetPluginInfoResponse> GetPluginInfo(Proto.GetPluginInfoRequest request, ServerCallContext context) =>
        Task.FromResult(new Proto.GetPluginInfoResponse { Name = node.DriverName, VendorVersion = BuildInfo.Version });

    public override Task<Proto.GetPluginCapabilitiesResponse> GetPluginCapabilities(
        Proto.GetPluginCapabilitiesRequest request, ServerCallContext context) =>
        Task.FromResult(new Proto.GetPluginCapabilitiesResponse { Capabilities = { CapabilitySet.Plugin() } });

    /// <summary>Ready once the state is open and recovered and every pool was looked at; not ready again while stopping.</summary>
    public override Task<Proto.ProbeResponse> Probe(Proto.ProbeRequest request, ServerCallContext context) =>
        Task.FromResult(new Proto.ProbeResponse { Ready = readiness.IsReady });
}
