import { createRouter, createWebHistory, type RouteLocationNormalized } from 'vue-router'
import type { Role } from './contract/types'
import { forgetSession, homeOf, restoreSession, session } from './session/session'

declare module 'vue-router' {
  interface RouteMeta {
    /** Who may open the page; absent means everyone. */
    roles?: readonly Role[]
  }
}

export const router = createRouter({
  history: createWebHistory(),
  routes: [
    {
      path: '/',
      component: () => import('./pages/DeskFrame.vue'),
      children: [
        {
          path: '',
          component: () => import('./pages/ConsolePage.vue'),
          meta: { roles: ['operator', 'supervisor'] },
        },
        {
          path: 'planning',
          component: () => import('./pages/PlanningPage.vue'),
          meta: { roles: ['supervisor'] },
        },
        {
          path: 'providers',
          component: () => import('./pages/ProvidersPage.vue'),
          meta: { roles: ['operator', 'supervisor'] },
        },
        {
          path: 'settlement',
          component: () => import('./pages/SettlementPage.vue'),
          meta: { roles: ['supervisor'] },
        },
        {
          path: 'complaints',
          component: () => import('./pages/ComplaintsPage.vue'),
          meta: { roles: ['operator', 'supervisor'] },
        },
        {
          path: 'system',
          component: () => import('./pages/SystemPage.vue'),
          meta: { roles: ['administrator'] },
        },
      ],
    },
    {
      path: '/worker',
      component: () => import('./pages/WorkerPage.vue'),
      meta: { roles: ['worker'] },
    },
    {
      path: '/family',
      component: () => import('./pages/FamilyPage.vue'),
      meta: { roles: ['family'] },
    },
    { path: '/login', component: () => import('./pages/LoginPage.vue') },
    { path: '/:rest(.*)*', redirect: '/' },
  ],
})

router.beforeEach(async (to) => {
  await restoreSession()
  return whereInstead(to) ?? true
})

/** The page to show in place of `to`, or null when `to` is right for who is signed in. */
function whereInstead(to: RouteLocationNormalized): string | null {
  const role = session.value?.account.role
  if (role === undefined) return to.path === '/login' ? null : '/login'
  if (to.path === '/login') return homeOf(role)
  return to.meta.roles && !to.meta.roles.includes(role) ? homeOf(role) : null
}

/** The server no longer knows this session: back to the sign-in page, saying why. */
export function endSession(): void {
  if (session.value === null) return
  forgetSession()
  void router.push({ path: '/login', query: { ended: '1' } })
}
